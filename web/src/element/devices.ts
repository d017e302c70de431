/** Opening a camera, once the visitor agrees, and listing those there are. */

import { MienError } from "../reading/errors";

/** The size asked for: enough for faces, and quick to read. */
const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };

/** The errors with which browsers refuse a camera, and that have a sentence of their own. */
const REFUSALS = [
  "NotAllowedError",
  "SecurityError",
  "NotFoundError",
  "OverconstrainedError",
  "NotReadableError",
  "AbortError",
] as const;

/** A camera that can be chosen; it has no name before a camera was allowed. */
export interface Camera {
  readonly id: string;
  readonly name: string;
}

/**
 * Ask for the camera and open it.
 *
 * @param id One of `listCameras`, or the side it looks at: "user" or "environment".
 * @throws MienError There is none, it is in use, or it was not allowed.
 */
export async function openCamera(id = "user"): Promise<MediaStream> {
  if (navigator.mediaDevices?.getUserMedia === undefined) {
    throw new MienError("camera", "error.camera.insecure");
  }
  try {
    const isSide = id === "user" || id === "environment";
    const choice = isSide ? { facingMode: id } : { deviceId: { exact: id } };
    return await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, ...choice }, audio: false });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const known = REFUSALS.find((refusal) => refusal === name);
    throw new MienError("camera", known === undefined ? "error.camera.other" : `error.camera.${known}`);
  }
}

/** List the cameras. Browsers tell their names only once a camera was allowed. */
export async function listCameras(): Promise<Camera[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
}

/** Return which of the cameras a stream comes from. */
export function cameraOf(stream: MediaStream): string | undefined {
  return stream.getVideoTracks()[0]?.getSettings().deviceId;
}

/** Return whether people expect to see themselves in this camera as in a mirror. */
export function isSelfie(stream: MediaStream): boolean {
  return stream.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
}

/** Release the camera; its light goes out. */
export function closeCamera(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop());
}
