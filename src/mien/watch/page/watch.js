// Opens the camera, sends one picture at a time to mien on this machine, and shows the readings.
// While a picture is being read, the camera's frames are dropped, so the view never lags behind.

import { placeLabels } from "./labels.js";
import { AXIS_PX, Timeline } from "./timeline.js";

const LONGER_SIDE_PX = 640;
const MAX_SHOWN = 3;
const GIVE_UP_MS = 10000;

const $ = (id) => document.getElementById(id);
const video = $("video");
const overlay = $("overlay");
const session = [...crypto.getRandomValues(new Uint8Array(12))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("");
const small = document.createElement("canvas");
const started = performance.now();

let settings = null;
let timeline = null;
let stream = null;
let running = false;
let busy = false;
let pending = 0; // the callback that waits for the camera's next frame
let wanted = 0; // the number of the camera's newest frame
let read = 0;
let followed = null;
let answers = []; // when each of the latest answers came, and how long it took
let latest = null;
let spokenAt = 0;

const seconds = (moment) => (moment - started) / 1000;
const say = (words) => {
  if ($("status").textContent !== words) $("status").textContent = words;
};

const REASONS = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser, then start again.",
  NotFoundError: "No camera was found on this machine. Connect one, then start again.",
  NotReadableError: "Another program is using the camera. Close that program, then start again.",
};

const fail = (words) => {
  stop();
  $("live").hidden = true;
  $("intro").hidden = false;
  $("trouble").textContent = words;
  $("trouble").hidden = false;
  $("start").focus();
  say("The camera is off.");
};

const ask = async (path, options = {}) => {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(GIVE_UP_MS) });
  if (!response.ok && response.status !== 422 && response.status !== 429) {
    const told = await response.json().catch(() => null);
    throw new Error(told?.error?.message || `mien answered ${response.status}`);
  }
  return response.json();
};

const GONE = "mien has stopped answering: it was closed or is overloaded. Run mien watch again and open the page it prints.";

const prepare = async () => {
  settings = await ask("settings");
  timeline = new Timeline($("timeline"), settings.colors);
  $("names").replaceChildren(
    ...settings.emotions.map((name, index) => {
      const line = document.createElement("span");
      const mark = document.createElement("i");
      mark.style.setProperty("--color", settings.colors[index]);
      line.append(mark, name);
      return line;
    }),
  );
  $("timeline").style.height = `calc(${1.4 * settings.emotions.length}rem + ${AXIS_PX}px)`;
  if (settings.recording) {
    $("kept").textContent =
      `Readings are recorded in ${settings.recording}: boxes and probabilities, no pictures.`;
    $("record").hidden = false;
    press("record", true);
  }
};

const press = (id, on) => $(id).setAttribute("aria-pressed", String(on));
const isPressed = (id) => $(id).getAttribute("aria-pressed") === "true";

const start = async (camera) => {
  $("trouble").hidden = true;
  try {
    if (!settings) await prepare();
  } catch {
    fail(GONE);
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { width: { ideal: 1280 }, height: { ideal: 720 }, ...chosen(camera) },
    });
  } catch (error) {
    fail(REASONS[error.name] || `The camera cannot be used: ${error.message}`);
    return;
  }
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    if (running) fail("The camera was disconnected. Reconnect it, then start again.");
  });
  video.srcObject = stream;
  await video.play();
  $("intro").hidden = true;
  $("live").hidden = false;
  $("paused").hidden = true;
  press("pause", false);
  $("pause").textContent = "Pause";
  running = true;
  busy = false;
  answers = [];
  await showCameras();
  sayState();
  next();
};

/** Ask for the chosen camera, or for one that faces the visitor. */
const chosen = (camera) => (camera ? { deviceId: { exact: camera } } : { facingMode: "user" });

/** List the cameras if there is a choice; the names are known once a camera was allowed. */
const showCameras = async () => {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter((device) => device.kind === "videoinput");
  $("camera").replaceChildren(
    ...cameras.map(({ deviceId, label }, index) => new Option(label || `Camera ${index + 1}`, deviceId)),
  );
  $("camera").value = stream?.getVideoTracks()[0].getSettings().deviceId ?? "";
  $("camera").hidden = cameras.length < 2;
};

/** Wait for the camera's next frame; without frame callbacks, for the next repaint. */
const next = () => {
  pending = video.requestVideoFrameCallback
    ? video.requestVideoFrameCallback(onFrame)
    : requestAnimationFrame(onFrame);
};

const sayState = () =>
  say(isPressed("record") ? "Watching and recording." : "Watching; nothing is stored.");

const stop = () => {
  running = false;
  // Otherwise it would fire with the next stream's first frame, beside that stream's own.
  if (video.cancelVideoFrameCallback) video.cancelVideoFrameCallback(pending);
  else cancelAnimationFrame(pending);
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
};

const onFrame = () => {
  if (!running) return;
  wanted += 1;
  draw();
  if (!busy && !document.hidden) send(wanted - 1);
  next();
};

const send = async (frame) => {
  busy = true;
  const taken = performance.now();
  const scale = Math.min(1, LONGER_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  small.width = Math.max(1, Math.round(video.videoWidth * scale));
  small.height = Math.max(1, Math.round(video.videoHeight * scale));
  small.getContext("2d").drawImage(video, 0, 0, small.width, small.height);
  const picture = await new Promise((done) => small.toBlob(done, "image/jpeg", 0.85));
  const query = new URLSearchParams({ session, frame, time_s: seconds(taken).toFixed(3) });
  query.set("record", String(isPressed("record")));
  try {
    const result = await ask(`frames?${query}`, {
      method: "POST",
      body: picture,
      headers: { "content-type": "image/jpeg" },
    });
    if (result.faces && running) show(result, taken);
    else if (result.error?.kind === "output") fail(result.error.message);
  } catch (error) {
    if (running) fail(error instanceof TypeError || error.name === "TimeoutError" ? GONE : error.message);
  } finally {
    busy = false;
  }
};

/** Name a face by its smoothed probabilities; below the model's threshold it is uncertain. */
const judge = (face) => {
  const values = face.smoothed;
  if (!values) return { name: null, word: "too small", share: 0, color: "#a8a8a8", values: null };
  const list = settings.emotions.map((name) => values[name]);
  const top = list.indexOf(Math.max(...list));
  const certain = settings.threshold === null || list[top] >= settings.threshold;
  return {
    name: certain ? settings.emotions[top] : null,
    word: certain ? settings.emotions[top] : "uncertain",
    share: list[top],
    color: certain ? settings.colors[top] : "#a8a8a8",
    values: list,
  };
};

const percent = (share) => `${Math.round(100 * share)} %`;

const show = (result, taken) => {
  const now = performance.now();
  read += 1;
  answers.push({ at: now, took: now - taken, frame: result.frame });
  answers = answers.filter((answer) => answer.at > now - 3000);
  latest = { faces: result.faces.map((face) => ({ ...face, ...judge(face) })), at: now };
  follow(latest.faces, seconds(taken));
  latest.faces.sort((a, b) => (b.track_id === followed) - (a.track_id === followed));
  showFaces(latest.faces);
  speak(latest.faces, now);
  timeline.draw(seconds(now));
  const first = answers[0];
  const span = Math.max((now - first.at) / 1000, 0.001);
  const left = wanted - 1 - first.frame - (answers.length - 1);
  const took = answers.reduce((sum, answer) => sum + answer.took, 0) / answers.length;
  $("rate").textContent =
    answers.length > 2
      ? `${((answers.length - 1) / span).toFixed(0)} frames a second read, ` +
        `${Math.max(0, left / span).toFixed(0)} dropped; ${took.toFixed(0)} ms from camera to answer; ` +
        `model ${settings.model}`
      : "";
  document.body.dataset.read = String(read);
  document.body.dataset.leftOut = String(wanted - read);
  document.body.dataset.latencyMs = (now - taken).toFixed(0);
};

/** Follow one face in the timeline: the same while it is in view, otherwise the largest. */
const follow = (faces, time) => {
  let face = faces.find((one) => one.track_id === followed);
  if (!face && faces.length) {
    face = faces[0];
    followed = face.track_id;
    $("followed").textContent = `face ${followed}`;
  }
  timeline.push(time, face?.values || null, Boolean(face?.name), face?.track_id ?? null);
};

const showFaces = (faces) => {
  const list = $("faces");
  const shown = faces.slice(0, MAX_SHOWN);
  while (list.children.length > shown.length) list.lastChild.remove();
  while (list.children.length < shown.length) list.append(makeFace());
  shown.forEach((face, at) => fillFace(list.children[at], face));
  $("nobody").hidden = faces.length > 0 && faces.length <= MAX_SHOWN;
  $("nobody").textContent = faces.length
    ? `and ${faces.length - MAX_SHOWN} more`
    : "No face in view.";
};

const makeFace = () => {
  const item = document.createElement("li");
  const bars = document.createElement("div");
  bars.className = "bars";
  for (const name of settings.emotions) {
    const [label, bar, share] = ["span", "span", "span"].map((tag) => document.createElement(tag));
    label.textContent = name;
    bar.className = "bar";
    bar.append(document.createElement("i"));
    bars.append(label, bar, share);
  }
  item.append(document.createElement("p"), bars);
  return item;
};

const fillFace = (item, face) => {
  const [title, bars] = item.children;
  const number = document.createElement("span");
  number.textContent = ` face ${face.track_id}`;
  title.replaceChildren(face.name ? `${face.word} ${percent(face.share)}` : face.word, number);
  bars.hidden = !face.values;
  settings.emotions.forEach((name, index) => {
    const [label, bar, share] = [0, 1, 2].map((column) => bars.children[3 * index + column]);
    const value = face.values?.[index] ?? 0;
    label.className = share.className = name === face.name ? "top" : "";
    bar.className = face.name ? "bar" : "bar open";
    bar.firstChild.style.width = `${(100 * value).toFixed(1)}%`;
    bar.firstChild.style.setProperty("--color", settings.colors[index]);
    share.textContent = percent(value);
  });
};

/** Announce to screen readers what is in view, every few seconds. */
const speak = (faces, now) => {
  if (now - spokenAt < 4000) return;
  spokenAt = now;
  const words = faces.slice(0, MAX_SHOWN).map((face) => `face ${face.track_id} ${face.word}`);
  $("spoken").textContent = faces.length ? words.join(", ") : "no face in view";
};

const draw = () => {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [overlay.clientWidth, overlay.clientHeight];
  overlay.width = Math.round(width * scale);
  overlay.height = Math.round(height * scale);
  const pen = overlay.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  if (!latest || !small.width || performance.now() - latest.at > 2000) return;
  const fit = Math.min(width / small.width, height / small.height);
  const [left, top] = [(width - small.width * fit) / 2, (height - small.height * fit) / 2];
  const boxes = latest.faces.map(({ box }) => ({
    x: left + (isPressed("mirror") ? small.width - box.x - box.width : box.x) * fit,
    y: top + box.y * fit,
    width: box.width * fit,
    height: box.height * fit,
  }));
  latest.faces.forEach((face, index) => drawFrame(pen, face, boxes[index]));

  pen.font = "600 15px system-ui, sans-serif";
  const words = latest.faces.map((face) =>
    face.name ? `${face.word} ${percent(face.share)}` : face.word,
  );
  const sizes = words.map((text) => [pen.measureText(text).width + 16, 24]);
  placeLabels(boxes, sizes, [width, height]).forEach((place, index) => {
    if (place) drawLabel(pen, words[index], latest.faces[index].color, place);
  });
};

const drawFrame = (pen, face, { x, y, width, height }) => {
  pen.lineJoin = "round";
  for (const [ink, line] of [["rgba(11, 14, 18, .75)", 6], [face.color, 3]]) {
    pen.strokeStyle = ink;
    pen.lineWidth = line;
    pen.setLineDash(face.name ? [] : [8, 6]);
    pen.strokeRect(x, y, width, height);
  }
  pen.setLineDash([]);
};

const drawLabel = (pen, words, color, { x, y, width, height }) => {
  pen.fillStyle = color;
  pen.fillRect(x, y, width, height);
  pen.fillStyle = "#000";
  pen.fillText(words, x + 8, y + 17);
};

$("start").addEventListener("click", () => start());
$("camera").addEventListener("change", () => {
  stop();
  start($("camera").value);
});
$("pause").addEventListener("click", async () => {
  if (running) {
    stop();
    latest = null;
    draw();
    $("paused").hidden = false;
    press("pause", true);
    $("pause").textContent = "Resume";
    say("Paused. The camera is off.");
  } else {
    await start($("camera").value);
  }
});
$("mirror").addEventListener("click", () => {
  press("mirror", !isPressed("mirror"));
  $("stage").classList.toggle("mirrored", isPressed("mirror"));
});
$("record").addEventListener("click", () => {
  press("record", !isPressed("record"));
  if (running) sayState();
});
$("stage").classList.add("mirrored");
addEventListener("pagehide", stop);
prepare().catch(() => fail(GONE));
