/** Register `<mien-camera>`. */

import { define } from "./define";
import { MienCamera } from "./camera";

define("mien-camera", MienCamera);

export { MienCamera };
export type * from "./types";
declare global {
  interface HTMLElementTagNameMap {
    "mien-camera": MienCamera;
  }
}
