/** Open a camera, after the visitor agrees, and list the available ones. */

import { MienError } from "../reading/errors";

/** Requested resolution: enough for faces, and quick to read. */
const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };

/** Browser errors for a refused camera that have their own message. */
const REFUSALS = [
  "NotAllowedError",
  "SecurityError",
  "NotFoundError",
  "OverconstrainedError",
  "NotReadableError",
  "AbortError",
] as const;

/** A selectable camera; it has no name before permission was granted. */
export interface Camera {
  readonly id: string;
  readonly name: string;
}

/**
 * Ask for the camera and open it.
 *
 * @param id One of `listCameras`, or the side it faces: "user" or "environment".
 * @throws MienError There is none, it is in use, or permission was denied.
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

/** List the cameras. Browsers reveal their names only after permission was granted. */
export async function listCameras(): Promise<Camera[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
}

/** Return the camera that a stream comes from. */
export function cameraOf(stream: MediaStream): string | undefined {
  return stream.getVideoTracks()[0]?.getSettings().deviceId;
}

/** Return whether people expect a mirror image from this camera. */
export function isSelfie(stream: MediaStream): boolean {
  return stream.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
}

/** Release the camera, which turns its light off. */
export function closeCamera(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop());
}
