/** Compress the built files, for servers that send compressed versions. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("dist/", import.meta.url);
const CACHE = new URL("node_modules/.cache/mien/", import.meta.url);
/** A version that saves less than this share is not written; weights hardly compress. */
const MIN_SAVING = { br: 0.02, gz: 0.1 };

const coders = {
  br: (bytes) =>
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gz: (bytes) => gzipSync(bytes, { level: 9 }),
};

mkdirSync(CACHE, { recursive: true });
for (const name of readdirSync(DIST, { recursive: true })) {
  if (!/\.(html|js|css|svg|webmanifest|wasm|onnx)$/.test(name)) {
    continue;
  }
  const bytes = readFileSync(new URL(name, DIST));
  for (const [suffix, compress] of Object.entries(coders)) {
    // The runtime takes half a minute to compress and seldom changes: cache the result.
    const kept = new URL(`${createHash("sha256").update(bytes).digest("hex")}.${suffix}`, CACHE);
    if (!existsSync(kept)) {
      writeFileSync(kept, compress(bytes));
    }
    const compressed = readFileSync(kept);
    if (compressed.length < bytes.length * (1 - MIN_SAVING[suffix])) {
      writeFileSync(new URL(`${name}.${suffix}`, DIST), compressed);
    }
  }
}
