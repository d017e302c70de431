// Read faces and photos with @vladmandic/human on WebAssembly, as benchmarks/peers.py asks.
// Command: node read_human.mjs FOLDER KIND FILES; FOLDER holds node_modules with
// @vladmandic/human, @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm. Pictures come as raw
// files: 4-byte width and height, then RGB; of faces, one file of 48 x 48 grey bytes each.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [, , folder, kind, files] = process.argv;
const require = createRequire(path.join(path.resolve(folder), "index.js"));
const log = console.log;
console.log = console.error; // only the answer goes to standard output
const H = require(path.join(path.resolve(folder), "node_modules/@vladmandic/human/dist/human.node-wasm.js"));
const home = path.join(path.resolve(folder), "node_modules");
const human = new H.Human({
  backend: "wasm",
  wasmPath: `${home}/@tensorflow/tfjs-backend-wasm/dist/`,
  modelBasePath: `file://${home}/@vladmandic/human/models/`,
  debug: false,
  cacheSensitivity: 0,
  filter: { enabled: false },
  face: {
    enabled: true,
    detector: { rotation: false, maxDetected: 5 },
    mesh: { enabled: false },
    iris: { enabled: false },
    description: { enabled: false },
    emotion: { enabled: true, minConfidence: 0 },
  },
  body: { enabled: false },
  hand: { enabled: false },
  gesture: { enabled: false },
  object: { enabled: false },
});
// Node has no fetch for files.
const webFetch = globalThis.fetch;
globalThis.fetch = async (url, ...rest) => {
  const address = typeof url === "string" ? url : url.url;
  if (!address.startsWith("file://")) return webFetch(url, ...rest);
  return new Response(fs.readFileSync(new URL(address)), { status: 200 });
};
await human.load();
const { tf } = human;
await tf.ready();
const words = [];
let [began, seconds] = [0, 0];
if (kind === "faces") {
  const model = human.models.models?.emotion ?? human.models.emotion;
  const names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
  const all = fs.readFileSync(files);
  const read = async (start, count) => {
    const out = tf.tidy(() => {
      const bytes = all.subarray(start * 2304, (start + count) * 2304);
      const face = tf.tensor(new Float32Array(bytes), [count, 48, 48, 1]);
      const size = model.inputs[0].shape[2];
      return model.execute(tf.sub(tf.mul(tf.div(tf.image.resizeBilinear(face, [size, size]), 255), 2), 1));
    });
    const rows = await out.array();
    out.dispose();
    return rows.map((row) => names[row.indexOf(Math.max(...row))]);
  };
  const count = all.length / 2304;
  await read(0, 1);
  began = performance.now();
  for (let start = 0; start < Math.min(count, 200); start++) await read(start, 1);
  seconds = (performance.now() - began) / 1000;
  for (let start = 0; start < count; start += 64) words.push(...(await read(start, Math.min(64, count - start))));
} else {
  const photos = fs.readdirSync(files).sort().map((name) => fs.readFileSync(path.join(files, name)));
  began = performance.now();
  for (const photo of photos) {
    const [width, height] = [photo.readUInt32LE(0), photo.readUInt32LE(4)];
    const image = tf.tensor(new Float32Array(photo.subarray(8)), [1, height, width, 3]);
    const { face } = await human.detect(image);
    image.dispose();
    const largest = face.sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3])[0];
    words.push(largest?.emotion?.[0]?.emotion ?? null);
  }
  seconds = (performance.now() - began) / 1000;
}
log(JSON.stringify({ seconds, words }));
process.exit(0);
