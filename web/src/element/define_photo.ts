/** Register `<mien-photo>`. */

import { define } from "./define";
import { MienPhoto } from "./photo";

define("mien-photo", MienPhoto);

export { MienPhoto };
export type * from "./types";
declare global {
  interface HTMLElementTagNameMap {
    "mien-photo": MienPhoto;
  }
}
