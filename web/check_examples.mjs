/** Build the examples for React, Vue and Svelte from the packed package, and try them in Chromium. */

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const NAMES = ["react", "vue", "svelte"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css", ".jpg": "image/jpeg" };
const WAIT_MS = 60_000;

function run(folder, ...command) {
  execFileSync(command[0], command.slice(1), { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

/** Install an example as its README says, with the package as it would be published, and build it. */
function build(name, packed, work) {
  const folder = join(work, name);
  cpSync(join(EXAMPLES, "web", name), folder, { recursive: true, filter: (path) => !/node_modules|dist|public|package-lock/.test(path.slice(EXAMPLES.length)) });
  mkdirSync(join(folder, "public"));
  copyFileSync(join(EXAMPLES, "astronaut.jpg"), join(folder, "public", "photo.jpg"));
  run(folder, "npm", "install", "--no-audit", "--no-fund", "--silent", packed);
  run(folder, "npm", "run", "--silent", "build");
  return join(folder, "dist");
}

async function serve(folder) {
  const server = createServer(({ url }, response) => {
    const file = join(folder, url === "/" ? "index.html" : new URL(url, "http://x").pathname);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

/** The photo is read, the camera starts from the keyboard and is read, and axe finds nothing, by day and by night. */
async function check(name, browser, url) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !/favicon/.test(message.location().url) && complaints.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("#words")?.textContent === "happy", null, { timeout: WAIT_MS });
  await page.locator("mien-camera").locator(".start").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("mien-camera").frames.length > 2, null, { timeout: WAIT_MS });
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(async () => (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`));
    complaints.push(...found);
  }
  await page.close();
  if (complaints.length > 0) {
    throw new Error(`${name}: ${complaints.join("\n")}`);
  }
  console.log(`${name}: built, read a photo and the camera, no violation`);
}

const executablePath = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => process.env.PATH.split(delimiter).map((folder) => join(folder, name)))
  .find(existsSync);
const work = mkdtempSync(join(tmpdir(), "mien-examples-"));
const packed = join(work, execFileSync("npm", ["pack", "--silent", "--pack-destination", work], { cwd: HERE, encoding: "utf8" }).trim());
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
});
try {
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : NAMES) {
    const site = await serve(build(name, packed, work));
    await check(name, browser, site.url);
    site.close();
  }
} finally {
  await browser.close();
  rmSync(work, { recursive: true, force: true });
}
