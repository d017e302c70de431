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
let began = 0;
if (kind === "faces") {
  const model = human.models.models?.emotion ?? human.models.emotion;
  const names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
  const all = fs.readFileSync(files);
  const read = async (start) => {
    const out = tf.tidy(() => {
      const face = tf.tensor(new Float32Array(all.subarray(start, start + 2304)), [1, 48, 48, 1]);
      const size = model.inputs[0].shape[2];
      return model.execute(tf.sub(tf.mul(tf.div(tf.image.resizeBilinear(face, [size, size]), 255), 2), 1));
    });
    const data = await out.data();
    out.dispose();
    return names[data.indexOf(Math.max(...data))];
  };
  await read(0);
  began = performance.now();
  for (let start = 0; start < all.length; start += 2304) words.push(await read(start));
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
}
log(JSON.stringify({ seconds: (performance.now() - began) / 1000, words }));
process.exit(0);
