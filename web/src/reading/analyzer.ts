/** Read pictures and frames: detector, crop and recognizer together. */

import { MAX_OVERLAP, overlap, type Face, type FaceDetector } from "./detector";
import type { Pixels } from "./images";
import { cropFace, isTooSmall } from "./crop";
import type { Recognizer } from "./recognizer";
import { read, unread, type FaceResult } from "./results";
import { LiveSmoother } from "./smoothing";
import { Tracker } from "./tracking";

/** Between two searches of the whole frame, faces are only followed, for at most this long. */
export const LOOK_EVERY_S = 0.7;
/** Following this many faces costs about as much as searching the whole frame. */
const MAX_FOLLOWED = 4;

/** Detector and model, opened once for many pictures. */
export class Analyzer {
  private tracker = new Tracker();
  private smoother = new LiveSmoother();
  private lastTimeS = -Infinity;
  private lastLookS = -Infinity;
  /** Below this top probability no emotion is named; null always names one. */
  threshold: number | null;

  constructor(
    private readonly detector: FaceDetector,
    readonly recognizer: Recognizer,
  ) {
    this.threshold = recognizer.spec.abstention_threshold;
  }

  /** Read the faces of one picture, the largest first, as Python does. */
  async readPhoto(image: Pixels): Promise<FaceResult[]> {
    return this.recognize(image, await this.detector.detect(image));
  }

  /** Forget the faces of the last frames: another camera or video begins. */
  restart(): void {
    this.tracker = new Tracker();
    this.smoother = new LiveSmoother();
    this.lastTimeS = -Infinity;
    this.lastLookS = -Infinity;
  }

  /** Read the faces of the next frame of a camera or video. */
  async readFrame(image: Pixels, timeS: number): Promise<FaceResult[]> {
    if (timeS < this.lastTimeS) {
      this.restart(); // the visitor went back in the video
    }
    const faces = await this.findNext(image, timeS);
    const results = await this.recognize(image, faces);
    const ids = this.tracker.update(timeS, faces);
    this.lastTimeS = timeS;
    this.smoother.forget(timeS);
    return results.map((face, index) => this.smoother.smooth(face, ids[index], timeS));
  }

  /** Follow the faces of the last frame; search the whole frame now and then, or if one is lost. */
  private async findNext(image: Pixels, timeS: number): Promise<Face[]> {
    const boxes = this.tracker.expect(timeS);
    if (boxes.length > 0 && boxes.length <= MAX_FOLLOWED && timeS - this.lastLookS < LOOK_EVERY_S) {
      const faces: Face[] = [];
      for (const box of boxes) {
        const face = await this.detector.detectNear(image, box);
        // The same face found twice means that another is lost.
        if (face !== null && faces.every((other) => overlap(other.box, face.box) <= MAX_OVERLAP)) {
          faces.push(face);
        }
      }
      if (faces.length === boxes.length) {
        return faces.sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
      }
    }
    this.lastLookS = timeS;
    return this.detector.detect(image);
  }

  /** Read faces that were found; those that are too small are recorded unread. */
  private async recognize(image: Pixels, faces: readonly Face[]): Promise<FaceResult[]> {
    const { spec } = this.recognizer;
    const options = { margin: spec.crop_margin, shiftY: spec.crop_shift_y, size: spec.input_size };
    const large = faces.filter((face) => !isTooSmall(face));
    const rows = await this.recognizer.predictProbabilities(large.map((face) => cropFace(image, face, options)));
    return faces.map((face) => {
      const row = rows[large.indexOf(face)];
      return row === undefined ? unread(face) : read(face, row, { ...spec, abstention_threshold: this.threshold });
    });
  }
}
