/** This module turns the visitor's consent into a camera's stream, or into a plain sentence. */

import { MienError } from "../reading/errors";

/** The size asked for: enough for faces, and quick to look at. */
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };

/** Sentences for the names under which browsers refuse a camera. */
const REFUSALS: Record<string, string> = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser’s address bar, or open a photo instead.",
  SecurityError: "The browser’s settings forbid the camera on this page. Open a photo instead.",
  NotFoundError: "No camera was found. Connect one, or open a photo or a video instead.",
  OverconstrainedError: "No camera was found that suits. Connect another, or open a photo or a video instead.",
  NotReadableError: "The camera is there but gives no picture. Another program may be using it: close that, and try again.",
  AbortError: "The camera stopped while it was being opened. Try again.",
};

/**
 * Ask for the camera and open it.
 *
 * @throws MienError There is none, it is in use, or it was not allowed.
 */
export async function openCamera(): Promise<MediaStream> {
  if (navigator.mediaDevices?.getUserMedia === undefined) {
    throw new MienError("camera", "Browsers give a page the camera only over https, or on http://localhost. Open a photo instead.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new MienError("camera", REFUSALS[name] ?? "The camera could not be opened. Open a photo or a video instead.");
  }
}

/** Let the camera go; its light goes out. */
export function closeCamera(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop());
}
