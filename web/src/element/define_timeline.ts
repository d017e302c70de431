/** Register `<mien-timeline>`. */

import { define } from "./define";
import { MienTimeline } from "./timeline";

define("mien-timeline", MienTimeline);

export { MienTimeline };
export type * from "./types";
declare global {
  interface HTMLElementTagNameMap {
    "mien-timeline": MienTimeline;
  }
}
