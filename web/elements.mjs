/** Build the npm package's elements into elements/: modules, types and models. */

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rolldown } from "rolldown";

const OUT = new URL("elements/", import.meta.url);
const ASSETS = new URL("../src/mien/assets/", import.meta.url);
const ELEMENTS = ["camera", "photo", "timeline", "video"];
const MODELS = ["fast", "accurate", "fer2013"];
const DETECTOR = "yunet_2023mar_any_size.onnx";
const RUNTIME = "ort-wasm-simd-threaded.wasm";

/** What Vite does for the page: CSS as text. The worker is a separate file, so that bundlers find it. */
const asVite = {
  name: "as-vite",
  resolveId: {
    filter: { id: /\?inline$/ },
    handler(id) {
      return new URL(`node_modules/${id.replace("?inline", "")}`, import.meta.url).pathname + "?inline";
    },
  },
  load: {
    filter: { id: /\?inline$/ },
    handler: (id) => ({ code: `export default ${JSON.stringify(readFileSync(id.replace("?inline", ""), "utf8"))};`, moduleType: "js" }),
  },
  transform: {
    filter: { id: /worker_reader\.ts$/ },
    handler: (code) => code.replace('new URL("./worker.ts"', 'new URL("./worker.js"'),
  },
};

async function buildModules() {
  const entries = ELEMENTS.map((name) => [name, `src/element/define_${name}.ts`]);
  const bundle = await rolldown({
    input: Object.fromEntries([["worker", "src/element/worker.ts"], ...entries]),
    cwd: new URL(".", import.meta.url).pathname,
    platform: "browser",
    plugins: [asVite],
  });
  await bundle.write({
    dir: OUT.pathname,
    format: "es",
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "chunk-[name].js", // next to the worker, whose address is relative,
    codeSplitting: {
      groups: [
        { name: "runtime", test: /onnxruntime-web/ },
        { name: "uplot", test: /uplot/ },
      ],
    },
  });
  await bundle.close();
  // So that only the elements' own files have an effect when they are imported.
  const lines = ELEMENTS.map((name) => `export * from "./${name}.js";\n`);
  writeFileSync(new URL("index.js", OUT), lines.join(""));
}

/** Write the types; their imports get the endings that Node's rules want, and the texts' keys are spelt out. */
function buildTypes() {
  const options = ["--noEmit", "false", "--emitDeclarationOnly", "--declaration", "--stripInternal"];
  execFileSync("npx", ["tsc", "-p", "tsconfig.elements.json", ...options], { stdio: "inherit", cwd: new URL(".", import.meta.url) });
  const types = new URL("types/", OUT);
  for (const name of readdirSync(types, { recursive: true }).filter((file) => file.endsWith(".d.ts"))) {
    const file = new URL(name, types);
    const code = readFileSync(file, "utf8").replace(/((?:from|import\()\s*")(\.{1,2}\/[^"]*?)(?:\.js)?"/g, '$1$2.js"');
    writeFileSync(file, code);
  }
  const texts = new URL("texts/texts.d.ts", types);
  const keys = Object.keys(JSON.parse(readFileSync(new URL("src/texts/en.json", import.meta.url), "utf8")));
  const code = readFileSync(texts, "utf8")
    .replace(/^import .*json.*\n/gm, "")
    .replace("keyof typeof en", keys.map((key) => JSON.stringify(key)).join(" | "));
  writeFileSync(texts, code);
}

/** Copy the models, the detector and the runtime next to the modules. */
function copyModels() {
  const folder = new URL("models/", OUT);
  mkdirSync(folder, { recursive: true });
  for (const name of [...MODELS.flatMap((model) => [`${model}.json`, `${model}.onnx`]), DETECTOR]) {
    if (existsSync(new URL(name, ASSETS))) {
      copyFileSync(new URL(name, ASSETS), new URL(name, folder));
    }
  }
  copyFileSync(new URL(`node_modules/onnxruntime-web/dist/${RUNTIME}`, import.meta.url), new URL(RUNTIME, folder));
}

rmSync(OUT, { recursive: true, force: true });
await buildModules();
buildTypes();
copyModels();
