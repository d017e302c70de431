/** The list of cameras, if there are several. */

import type { MienCamera } from "../element/camera";

/** Fill a list with the cameras, and select the open one. */
export async function showCameras(camera: MienCamera, list: HTMLSelectElement): Promise<void> {
  if (camera.openDevice === null) {
    return;
  }
  const cameras = await camera.cameras();
  list.replaceChildren(...cameras.map(({ id, name }) => new Option(name, id)));
  list.value = camera.openDevice ?? "";
  list.hidden = cameras.length < 2;
}
