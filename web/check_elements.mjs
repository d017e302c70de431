/** Check the built npm package: publint, are-the-types-wrong, and its size. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const HERE = new URL(".", import.meta.url);
/** All that a page in English loads, without models and runtime, compressed by gzip. */
const MAX_BYTES = 60_000;

function run(...command) {
  execFileSync("npx", command, { cwd: HERE, stdio: "inherit" });
}

/** Measure the modules, with the worker and the charts, without the runtime; other languages are fetched one at a time. */
function measure() {
  const folder = new URL("elements/", HERE);
  const modules = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js"));
  const languages = new Set(readdirSync(new URL("src/texts/", HERE)).map((name) => name.replace(".json", ".js")));
  const sizes = modules.map((name) => [name, gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length]);
  const isLanguage = (name) => languages.has(name.replace("chunk-", ""));
  const counted = sizes.filter(([name]) => !name.endsWith("runtime.js") && !isLanguage(name));
  const total = counted.reduce((sum, [, size]) => sum + size, 0);
  const largest = Math.max(0, ...sizes.filter(([name]) => isLanguage(name)).map(([, size]) => size));
  console.log(`elements: ${(total / 1000).toFixed(1)} kB (gzip), of ${MAX_BYTES / 1000} kB; a language: ${(largest / 1000).toFixed(1)} kB at most`);
  if (total > MAX_BYTES) {
    throw new Error(`the elements are larger than ${MAX_BYTES} bytes: ${JSON.stringify(Object.fromEntries(counted))}`);
  }
}

measure();
run("publint", "--strict", "--pack", "npm");
const packed = mkdtempSync(join(tmpdir(), "mien-elements-"));
const name = execFileSync("npm", ["pack", "--silent", "--pack-destination", packed], { cwd: HERE, encoding: "utf8" }).trim();
run("attw", join(packed, name), "--profile", "esm-only", "--exclude-entrypoints", "./models/*");
