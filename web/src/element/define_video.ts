/** Register `<mien-video>`. */

import { define } from "./define";
import { MienVideo } from "./video";

define("mien-video", MienVideo);

export { MienVideo };
export type * from "./types";
declare global {
  interface HTMLElementTagNameMap {
    "mien-video": MienVideo;
  }
}
