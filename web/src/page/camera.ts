/** Opening a camera, once the visitor agrees, and listing those there are. */

import { MienError } from "../reading/errors";

/** The size asked for: enough for faces, and quick to read. */
const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };

/** Messages for the errors with which browsers refuse a camera. */
const REFUSALS: Record<string, string> = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser’s address bar, or open a photo instead.",
  SecurityError: "The browser’s settings block the camera on this page. Open a photo instead.",
  NotFoundError: "No camera was found. Connect one, or open a photo or a video instead.",
  OverconstrainedError: "No suitable camera was found. Connect another, or open a photo or a video instead.",
  NotReadableError: "The camera is connected but gives no picture. Another program may be using it: close that and try again.",
  AbortError: "The camera stopped while it was being opened. Try again.",
};

/** A camera that can be chosen. */
export interface Camera {
  readonly id: string;
  readonly name: string;
}

/**
 * Ask for the camera and open it.
 *
 * @param id One of `listCameras`; undefined leaves the choice to the browser.
 * @throws MienError There is none, it is in use, or it was not allowed.
 */
export async function openCamera(id?: string): Promise<MediaStream> {
  if (navigator.mediaDevices?.getUserMedia === undefined) {
    throw new MienError("camera", "Browsers allow the camera only over https or on http://localhost. Open a photo instead.");
  }
  try {
    const choice = id === undefined ? { facingMode: "user" } : { deviceId: { exact: id } };
    return await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, ...choice }, audio: false });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new MienError("camera", REFUSALS[name] ?? "The camera could not be opened. Open a photo or a video instead.");
  }
}

/** List the cameras. Browsers tell their names only once a camera was allowed. */
export async function listCameras(): Promise<Camera[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `Camera ${index + 1}` }));
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
