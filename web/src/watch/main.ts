/** The live view of `mien watch`: the camera's element, with its frames read by the server. */

import "../element/index";
import type { MienCamera } from "../element/camera";
import type { MienFailure } from "../element/events";
import type { MienTimeline } from "../element/timeline";
import { isOvertaken, toSentence } from "../reading/errors";
import { showCameras } from "../page/cameras";
import { Cards } from "../page/cards";
import { element, write } from "../page/document";
import { openLanguage } from "../page/language";
import type { Texts } from "../texts/texts";
import { ServerReader, type Answered } from "./server_reader";

/** How long the page waits before it announces another expression to screen readers. */
const SPEAK_EVERY_MS = 4000;
/** Over how long the rate is counted. */
const RATE_MS = 3000;

/** What the status line can say. */
type Status = "watch.off" | "watch.on" | "watch.recording" | "watch.paused";

let texts = await openLanguage(translate);
const reader = new ServerReader();
const camera = element<MienCamera>("live-camera");
const timeline = element<MienTimeline>("timeline");
const cards = new Cards(element("cards"), () => showFaces());
const cameras = element<HTMLSelectElement>("camera");
const { dataset } = document.body;
let answers: (Answered & { readonly at: number })[] = [];
let read = 0;
let spokenAt = 0;
let model = "";
let isRecorded = false;
let recording: string | null = null;
let status: Status = "watch.off";
let complaint: unknown = null;

camera.reader = reader;
timeline.target = camera;
writeTexts();

/** Say everything in another language; the camera stays on. */
function translate(chosen: Texts): void {
  texts = chosen;
  writeTexts();
  showFaces();
  void showCameras(camera, cameras);
}

/** Write what the page's own texts leave open. */
function writeTexts(): void {
  write(element("timeline-title"), texts.say("page.last", { count: timeline.seconds }));
  write(element("kept"), recording === null ? texts.say("watch.kept.nothing") : texts.say("watch.kept.file", { path: recording }));
  write(element("pause"), texts.say(element("paused").hidden ? "page.pause" : "page.resume"));
  write(element("rate"), "");
  say(status);
  if (complaint !== null) {
    write(element("notice"), toSentence(complaint, texts));
  }
}

async function prepare(): Promise<void> {
  const settings = await reader.load();
  model = settings.name;
  recording = settings.recording;
  isRecorded = reader.record = recording !== null;
  if (isRecorded) {
    writeTexts();
    element("record").hidden = false;
    press("record", true);
  }
}

async function start(): Promise<void> {
  complaint = null;
  element("notice").hidden = true;
  try {
    if (model === "") {
      await prepare();
    }
    await camera.start();
    await showCameras(camera, cameras);
  } catch (error) {
    if (!isOvertaken(error)) {
      complain(error);
    }
  }
}

function togglePause(): void {
  if (camera.state === "idle") {
    void start();
  } else {
    camera.stop(); // the camera's light goes out, too
    dataset.mode = "camera";
    element("paused").hidden = false;
    say("watch.paused");
    press("pause", true);
    write(element("pause"), texts.say("page.resume"));
  }
}

function complain(error: unknown): void {
  camera.stop();
  dataset.mode = "welcome";
  complaint = error;
  write(element("notice"), toSentence(error, texts));
  element("notice").hidden = false;
  say("watch.off");
}

function showFaces(): void {
  cards.update(camera, texts);
  element("empty").hidden = camera.faces.length > 0;
  write(element("empty"), texts.say(camera.frames.length > 0 ? "found.none" : "looking"));
  timeline.draw();
}

function onAnswer(answered: Answered): void {
  const now = performance.now();
  answers = [...answers.filter(({ at, frame }) => at > now - RATE_MS && frame < answered.frame), { ...answered, at: now }];
  read++;
  const [first, last] = [answers[0], answers[answers.length - 1]];
  const spanS = (last.at - first.at) / 1000;
  const dropped = last.frame - first.frame - (answers.length - 1);
  if (answers.length > 2) {
    const latency = answers.reduce((sum, { latencyMs }) => sum + latencyMs, 0) / answers.length;
    const values = { read: (answers.length - 1) / spanS, dropped: dropped / spanS, latency };
    const rounded = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.toFixed(0)]));
    write(element("rate"), texts.say("watch.rate", { ...rounded, model }));
  }
  Object.assign(dataset, { read, leftOut: answered.frame + 1 - read, latencyMs: answered.latencyMs.toFixed(0) });
}

function onState(): void {
  if (camera.state === "running") {
    dataset.mode = "camera";
    element("paused").hidden = true;
    press("pause", false);
    write(element("pause"), texts.say("page.pause"));
    say(reader.record ? "watch.recording" : "watch.on");
    press("mirror", camera.mirrored);
  }
}

function press(id: string, isPressed: boolean): void {
  element(id).setAttribute("aria-pressed", String(isPressed));
}

function say(key: Status): void {
  status = key;
  write(element("status"), texts.say(key));
}

reader.onAnswer = onAnswer;
camera.addEventListener("mien-state", onState);
camera.addEventListener("mien-error", ({ detail }: CustomEvent<MienFailure>) => complain(detail.error));
camera.addEventListener("mien-faces", () => {
  showFaces();
  const now = performance.now();
  if (now - spokenAt >= SPEAK_EVERY_MS) {
    spokenAt = now;
    write(element("spoken"), camera.describe());
  }
});
element("start").addEventListener("click", () => void start());
element("pause").addEventListener("click", togglePause);
element("mirror").addEventListener("click", () => {
  camera.mirrored = !camera.mirrored;
  press("mirror", camera.mirrored);
});
element("record").addEventListener("click", () => {
  reader.record = isRecorded && !reader.record;
  press("record", reader.record);
  if (camera.state === "running") {
    onState();
  }
});
cameras.addEventListener("change", () => {
  camera.device = cameras.value;
});
document.addEventListener("keydown", (event) => {
  const isOnControl = event.target instanceof Element && event.target.closest("button, select, mien-timeline, a") !== null;
  if (event.key === " " && !isOnControl && dataset.mode === "camera") {
    event.preventDefault();
    togglePause();
  }
});
addEventListener("pagehide", () => camera.stop());
prepare().catch((error) => complain(error));
