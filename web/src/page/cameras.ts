/** The list of cameras, where there is a choice. */

import type { MienCamera } from "../element/camera";

/** Fill a list with the cameras, and choose in it the one that is open. */
export async function showCameras(camera: MienCamera, list: HTMLSelectElement): Promise<void> {
  if (camera.openDevice === null) {
    return;
  }
  const cameras = await camera.cameras();
  list.replaceChildren(...cameras.map(({ id, name }) => new Option(name, id)));
  list.value = camera.openDevice ?? "";
  list.hidden = cameras.length < 2;
}
