// Uses the newsroom in a browser as people would, and prints one JSON line for
// each page: its name, what axe-core found on it, what broke. Ends by itself.
//
//   node visit.mjs '{"website": …, "reader": …, "chromium": …, "pictures": …}'
import { chromium } from "playwright-core";
import axe from "axe-core";

const { website, reader, chromium: executablePath, pictures } = JSON.parse(process.argv[2]);
const say = (line) => console.log(JSON.stringify(line));
setTimeout(() => process.exit(3), 600_000).unref();

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-NZ", reducedMotion: "reduce" });
const broken = [];
context.on("weberror", (e) => broken.push(String(e.error())));
context.on("console", (m) => m.type() === "error" && !/410|422/.test(m.text()) && broken.push(m.text()));
const page = await context.newPage();
page.setDefaultTimeout(60_000);

const everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function check(runOnly) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const found = await page.evaluate((runOnly) => axe.run(document, { runOnly }), runOnly);
  return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
}

// press sends a form of the page and waits until the page that answers is there, with its style.
async function press(name) {
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name }).click()]);
}

// look checks the page, its contrast in the dark, and its width on a small screen, and takes pictures.
async function look(name) {
  for (const [suffix, colorScheme, width, rules] of [
    ["", "light", 1200, everything], ["-dark", "dark", 1200, ["color-contrast"]], ["-small", "light", 320, ["target-size"]],
  ]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 900 });
    const violations = await check(rules);
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    await page.screenshot({ path: `${pictures}/${name}${suffix}.png`, fullPage: true });
    say({
      page: name + suffix, tooWide, broken: broken.splice(0), violations,
    });
  }
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

try {
  const timeline = await context.newPage(); // stays open and is never reloaded
  await timeline.goto(reader);
  await timeline.getByText("You can now follow us").first().waitFor();

  await page.goto(website);
  await look("home");
  await page.goto(website + "/house-rules");
  await look("house-rules");

  await page.goto(website + "/editor/new");
  await look("editor-new");
  await page.getByLabel("Title", { exact: true }).fill("Kua tuwhera te huarahi");
  await page.getByLabel("Address of the picture").fill(website + "/static/harbour.png");
  await press("Publish");
  await look("editor-mistakes");
  await page.getByLabel("Text", { exact: false }).first().fill("State Highway 1 is open again.\n\nDrive carefully.");
  await page.getByLabel("What the picture shows").fill("A drawing of green hills around a harbour");
  await press("Preview");
  await look("editor-preview");
  await press("Publish");
  await look("editor");

  const post = timeline.locator("article", { hasText: "Kua tuwhera te huarahi" });
  await post.waitFor();
  await post.locator("summary").click();
  await post.getByLabel("Your reply").fill("Tēnā koe! Is the tunnel open, too?");
  await timeline.waitForTimeout(3500); // what is typed and opened must outlast a few renewals
  if ((await post.getByLabel("Your reply").inputValue()) === "") broken.push("what the reader typed was lost");
  if (!(await post.getByText("Key owner").isVisible())) broken.push("what the reader opened was closed");

  await page.goto(website + "/editor/moderation");
  await look("moderation-empty");
  await post.getByRole("button", { name: "Reply" }).click();
  await page.getByText("Is the tunnel open, too?").waitFor(); // by itself
  await look("moderation-waiting");
  await press("Approve");
  await look("moderation-shown");
  await page.goto(website + "/news/kua-tuwhera-te-huarahi");
  await page.getByText("Is the tunnel open, too?").waitFor();
  await look("article");
  await page.goto(website + "/editor/record");
  await look("record");
  await press("Emergency stop");
  await look("record-stopped");
  await press("Resume");

  await page.goto(reader);
  await page.locator("details.verdict").first().evaluate((d) => d.setAttribute("open", ""));
  await look("reader");
  await page.goto(website + "/editor/");
  await press(/Withdraw.*Kua tuwhera/);
  await post.waitFor({ state: "detached" }); // by itself
  await page.goto(website + "/news/kua-tuwhera-te-huarahi");
  await look("withdrawn");
  say({ done: true });
} catch (error) {
  say({ page: page.url(), broken: [String(error)] });
  process.exitCode = 1;
} finally {
  await browser.close();
}
