/** The golden files that Python writes. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Event } from "../src/reading/events";
import type { FaceResult, Probabilities } from "../src/reading/results";

const ROOT = new URL("../../", import.meta.url);
export const ASSETS = new URL("src/mien/assets/", ROOT);
export const GOLDEN = new URL("tests/golden/", ROOT);
export const DETECTOR = new URL("yunet_2023mar_any_size.onnx", ASSETS);

interface GoldenPicture {
  width: number;
  height: number;
  detector_input_sha256: Record<string, string>;
  models: Record<string, FaceResult[]>;
}

interface GoldenFaces {
  models: Record<string, string>;
  detector_sha256: string;
  pictures: Record<string, GoldenPicture>;
}

interface GoldenCrop {
  name: string;
  box: { x: number; y: number; width: number; height: number };
  landmarks: [number, number][];
  margin: number;
  shift_y: number;
  size: number;
  grey_base64: string;
}

interface GoldenCrops {
  width: number;
  height: number;
  rgb_base64: string;
  crops: GoldenCrop[];
}

interface GoldenTracks {
  emotions: string[];
  events: { times_s: number[]; smoothed: number[][]; cases: { threshold: number | null; events: Event[] }[] }[];
  tracks: { frames: { time_s: number; boxes: number[][]; expected: number[][]; track_ids: number[] }[] }[];
  smoothing: { time_s: number; probabilities: Probabilities | null; smoothed: Probabilities | null }[];
}

export const tracks = readJson<GoldenTracks>("tracks.json");
export const faces = readJson<GoldenFaces>("faces.json");
export const crops = readJson<GoldenCrops>("crops.json");
/** The detector's weights come with mien's build; without them, what needs them is skipped. */
export const hasDetector = existsSync(DETECTOR);

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function readBytes(path: URL): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(path));
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, GOLDEN), "utf8")) as T;
}
