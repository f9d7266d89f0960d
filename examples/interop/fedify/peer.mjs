// A small server on Fedify with one account, Kiri. It speaks and verifies by
// Fedify's own means alone: nothing here makes or checks a signature.
//
//   node peer.mjs CERTIFICATE KEY
//
// It listens on a free port of localhost over TLS. Commands come as lines of
// JSON on standard input and are answered on standard output, where what
// arrives in Kiri's inbox is told too. It ends when standard input does, and
// after ten minutes at the latest.

import { createFederation, generateCryptoKeyPair, MemoryKvStore } from "@fedify/fedify";
import {
  Activity, Announce, Create, Delete, Endpoints, Follow, Like, Note, Person, PUBLIC_COLLECTION, Tombstone, Undo, Update,
} from "@fedify/fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const KIRI = "kiri";
const NOTE = "/users/{identifier}/notes/{note}";

setTimeout(() => process.exit(1), 10 * 60_000).unref();

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

// ---------------------------------------------------------------- the server

const federation = createFederation({
  kv: new MemoryKvStore(),
  allowPrivateAddress: true, // the agency is on this machine, too
});

const keyPairs = await Promise.all(
  ["RSASSA-PKCS1-v1_5", "Ed25519"].map((algorithm) => generateCryptoKeyPair(algorithm)),
);
const notes = new Map(); // what Kiri wrote, by the last segment of its id

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => {
    if (identifier !== KIRI) return null;
    const keys = await ctx.getActorKeyPairs(identifier);
    return new Person({
      id: ctx.getActorUri(identifier),
      preferredUsername: identifier,
      name: "Kiri",
      inbox: ctx.getInboxUri(identifier),
      endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
    });
  })
  .setKeyPairsDispatcher((_, identifier) => (identifier === KIRI ? keyPairs : []));

federation.setObjectDispatcher(Note, NOTE, (_, { identifier, note }) =>
  identifier === KIRI ? notes.get(note) ?? null : null);

// Only what Fedify has verified reaches a listener.
federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(Activity, async (ctx, activity) => say({ received: await summary(ctx, activity) }))
  .onUnverifiedActivity(async (ctx, activity, reason) => {
    say({ refused: await summary(ctx, activity), reason: reason.type });
  })
  .onError((_, error) => say({ trouble: String(error) }));

async function summary(ctx, activity) {
  const object = await activity.getObject({
    documentLoader: ctx.documentLoader,
    contextLoader: ctx.contextLoader,
    // An Accept embeds her Follow. Fedify would ask her own server for it.
    crossOrigin: activity.objectId?.origin === origin ? "trust" : "ignore",
  });
  return {
    type: activity.constructor.name,
    id: activity.id?.href,
    actor: activity.actorId?.href,
    object: activity.objectId?.href,
    objectType: object?.constructor.name,
    content: object?.content?.toString(),
  };
}

const server = createServer(
  { cert: readFileSync(process.argv[2]), key: readFileSync(process.argv[3]) },
  async (incoming, outgoing) => {
    const answer = await federation.fetch(toRequest(incoming), { contextData: undefined });
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    outgoing.end(Buffer.from(await answer.arrayBuffer()));
  },
);

function toRequest(incoming) {
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  return new Request(new URL(incoming.url, origin), {
    method: incoming.method,
    headers: Object.entries(incoming.headersDistinct).flatMap(([name, values]) => values.map((value) => [name, value])),
    ...(hasBody && { body: Readable.toWeb(incoming), duplex: "half" }),
  });
}

server.listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `https://localhost:${server.address().port}`;
const ctx = federation.createContext(new URL(origin), undefined);
const me = ctx.getActorUri(KIRI);

// -------------------------------------------------------- what Kiri can do

let agency; // the actor that she looked up last
const done = new Map(); // her Follow, Like and Announce, for Undo

const fetching = async () => ({ documentLoader: await ctx.getDocumentLoader({ identifier: KIRI }) });
const newId = (kind) => new URL(`/activities/${kind}/${crypto.randomUUID()}`, origin);

async function send(activity) {
  await ctx.sendActivity({ identifier: KIRI }, agency, activity); // throws unless the inbox takes it
  return { type: activity.constructor.name, id: activity.id.href };
}

async function sendOnce(kind, activity) {
  done.set(kind, activity);
  return await send(activity);
}

async function undo(kind) {
  const object = done.get(kind);
  done.delete(kind);
  return await send(new Undo({ id: newId("undo"), actor: me, object, to: PUBLIC_COLLECTION }));
}

function write(name, { content, about, published, updated }) {
  const note = new Note({
    id: ctx.getObjectUri(Note, { identifier: KIRI, note: name }),
    attribution: me, content, replyTarget: new URL(about), published, updated,
    to: PUBLIC_COLLECTION, cc: agency.id,
  });
  notes.set(name, note);
  return note;
}

const now = () => Temporal.Now.instant();
const nameOf = (id) => ctx.parseUri(new URL(id)).values.note;

const commands = {
  async lookup({ what }) {
    const found = await ctx.lookupObject(what, await fetching());
    if (found?.inboxId) agency = found;
    return { id: found?.id?.href, type: found?.constructor.name, name: found?.name?.toString() };
  },

  async list({ what }) {
    const options = await fetching();
    const items = [];
    for await (const item of ctx.traverseCollection(await ctx.lookupObject(what, options), options)) items.push(item.id.href);
    return { items };
  },

  follow: () => sendOnce("follow", new Follow({ id: newId("follow"), actor: me, object: agency.id, to: agency.id })),
  unfollow: () => undo("follow"),

  like: ({ what }) => sendOnce("like", new Like({ id: newId("like"), actor: me, object: new URL(what) })),
  unlike: () => undo("like"),

  boost: ({ what }) => sendOnce("boost", new Announce({
    id: newId("boost"), actor: me, object: new URL(what), published: now(), to: PUBLIC_COLLECTION, cc: agency.id,
  })),
  unboost: () => undo("boost"),

  async reply({ what, content }) {
    const note = write(crypto.randomUUID(), { content, about: what, published: now() });
    const told = await send(new Create({ id: newId("create"), actor: me, object: note, to: PUBLIC_COLLECTION, cc: agency.id }));
    return { ...told, object: note.id.href };
  },

  async edit({ what, content }) {
    const before = notes.get(nameOf(what));
    const note = write(nameOf(what), {
      content, about: before.replyTargetId.href, published: before.published, updated: now(),
    });
    return await send(new Update({ id: newId("update"), actor: me, object: note, to: PUBLIC_COLLECTION, cc: agency.id }));
  },

  async delete({ what }) {
    notes.delete(nameOf(what));
    return await send(new Delete({
      id: newId("delete"), actor: me, object: new Tombstone({ id: new URL(what) }), to: PUBLIC_COLLECTION,
    }));
  },
};

// ------------------------------------------------------------- the control

say({ ready: { actor: me.href, inbox: ctx.getInboxUri(KIRI).href, handle: `@${KIRI}@${new URL(origin).host}`, node: process.version } });

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...rest } = JSON.parse(line);
  try {
    say({ answer: await commands[name](rest) });
  } catch (error) {
    say({ error: String(error) });
  }
}
process.exit(0);
