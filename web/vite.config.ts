/** Build the page into static files, and list them for its offline copy. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const assets = fileURLToPath(new URL("../src/mien/assets/", import.meta.url));
const detector = `${assets}yunet_2023mar_any_size.onnx`;

/** Without the face detector, which mien's own build makes, there is no page. */
function needDetector(): Plugin {
  return {
    name: "need-detector",
    apply: "build",
    buildStart() {
      if (!existsSync(detector)) {
        this.error("the face detector is missing; install mien first: pip install -e .");
      }
    },
  };
}

/** Write the English texts into the pages: they are there before any script has run. */
function writeTexts(): Plugin {
  const file = fileURLToPath(new URL("src/texts/en.json", import.meta.url));
  return {
    name: "write-texts",
    transformIndexHtml: {
      order: "pre",
      handler(html) {
        const texts = JSON.parse(readFileSync(file, "utf8")) as Record<string, string | { other: string }>;
        const say = (key: string): string => {
          const text = texts[key];
          if (text === undefined) {
            throw new Error(`there is no text ${key} in ${file}`);
          }
          const words = typeof text === "string" ? text : text.other;
          return words.replaceAll("&", "&amp;").replace(/\*([^*]+)\*/g, "<em>$1</em>");
        };
        return html
          .replace(/\{\{([\w.]+)\}\}/g, (_, key: string) => say(key))
          .replace(/data-label="([\w.]+)"/g, (whole, key: string) => `${whole} aria-label="${say(key)}"`)
          .replace(/data-text="([\w.]+)"([^>]*)>/g, (whole, key: string) => `${whole}${say(key)}`);
      },
    },
  };
}

/** Write the list of files into the service worker: the default model at once, others when chosen. */
function listFiles(): Plugin {
  return {
    name: "list-files",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const built = Object.keys(bundle).filter((file) => file !== "sw.js" && !file.endsWith(".html") && !/watch-.*\.js$/.test(file));
      const isLater = (file: string): boolean => existsSync(`${assets}fast.onnx`) && /accurate-.*\.onnx$/.test(file);
      const first = ["./", "icon.svg", "manifest.webmanifest", ...built.filter((file) => !isLater(file))];
      const html = bundle["index.html"];
      const seed = [...built, html.type === "asset" ? String(html.source) : ""].join();
      const name = `mien-${createHash("sha256").update(seed).digest("hex").slice(0, 12)}`;
      const build = JSON.stringify({ name, first, later: built.filter(isLater) });
      const sw = bundle["sw.js"];
      if (sw.type === "chunk") {
        sw.code = `const __BUILD__ = ${build};\n${sw.code}`;
      }
    },
  };
}

export default defineConfig({
  base: "./",
  assetsInclude: ["**/*.onnx"],
  plugins: [needDetector(), writeTexts(), listFiles()],
  worker: { format: "es" },
  server: { fs: { allow: [".."] } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    rollupOptions: {
      input: Object.fromEntries(
        Object.entries({ index: "index.html", watch: "watch.html", sw: "src/page/sw.ts" }).map(([name, file]) => [
          name,
          fileURLToPath(new URL(file, import.meta.url)),
        ]),
      ),
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000 },
});
