// How fast Fedify alone delivers one post to many inboxes, for
// docs/performance.md. The sink takes everything and verifies nothing, but
// counts only what is signed. It runs on another core:
//
//   taskset -c 0 node_modules/.bin/node bench.mjs [INBOXES] [WORKERS]

import { createFederation, InProcessMessageQueue, MemoryKvStore, ParallelMessageQueue } from "@fedify/fedify";
import { Create, Note, Person, PUBLIC_COLLECTION } from "@fedify/fedify/vocab";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

if (process.argv[2] === "sink") await sink();
else await bench(Number(process.argv[2] ?? 2000), Number(process.argv[3] ?? 1));

// sink answers 202. It prints its port, and a line once every inbox got something.
async function sink() {
  const inboxes = Number(process.argv[3]);
  const seen = new Set();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(202).end();
      if (request.headers["signature-input"] ?? request.headers.signature) seen.add(request.url);
      if (seen.size === inboxes) console.log("all");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log(server.address().port);
  process.stdin.resume().on("end", () => process.exit(0)); // with the bench
}

async function bench(inboxes, workers) {
  setTimeout(() => process.exit(1), 5 * 60_000).unref();
  const child = spawn("taskset", ["-c", "1", process.execPath, "bench.mjs", "sink", inboxes], {
    cwd: import.meta.dirname, stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);

  const queue = new InProcessMessageQueue();
  const federation = createFederation({
    kv: new MemoryKvStore(),
    queue: workers > 1 ? new ParallelMessageQueue(queue, workers) : queue,
    allowPrivateAddress: true,
  });
  const keyPair = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true, ["sign", "verify"],
  );
  federation
    .setActorDispatcher("/users/{identifier}", (ctx, identifier) => new Person({ id: ctx.getActorUri(identifier) }))
    .setKeyPairsDispatcher(() => [keyPair]);
  federation.setInboxListeners("/users/{identifier}/inbox");

  const ctx = federation.createContext(new URL("https://agency.example"), undefined);
  const me = ctx.getActorUri("news");
  const note = new Note({ id: new URL("/notes/1", me), attribution: me, content: "<p>State Highway 1 is open again.</p>", to: PUBLIC_COLLECTION });
  const followers = Array.from({ length: inboxes }, (_, i) => ({
    id: new URL(`http://127.0.0.1:${port}/users/${i}`), inboxId: new URL(`http://127.0.0.1:${port}/users/${i}/inbox`),
  }));

  const start = performance.now();
  const used = process.cpuUsage();
  await ctx.sendActivity({ identifier: "news" }, followers, new Create({ id: new URL("/creates/1", me), actor: me, object: note, to: PUBLIC_COLLECTION }));
  await lines.next();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(used);
  console.log(
    `${inboxes} inboxes, ${workers} at a time: ${seconds.toFixed(1)} s, ${Math.round(inboxes / seconds)} deliveries/s, ` +
    `${((user + system) / 1000 / inboxes).toFixed(2)} ms CPU each, ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most`,
  );
  process.exit(0);
}
