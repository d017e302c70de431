/** Build the page into static files, and list them for its offline copy. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
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

/** Write the list of files into the service worker: the default model at once, others when chosen. */
function listFiles(): Plugin {
  return {
    name: "list-files",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const built = Object.keys(bundle).filter((file) => file !== "sw.js" && file !== "index.html");
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
  plugins: [needDetector(), listFiles()],
  worker: { format: "es" },
  server: { fs: { allow: [".."] } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    rollupOptions: {
      input: { index: fileURLToPath(new URL("index.html", import.meta.url)), sw: fileURLToPath(new URL("src/page/sw.ts", import.meta.url)) },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000 },
});
