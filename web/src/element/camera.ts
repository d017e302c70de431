/** `<mien-camera>`: the visitor's camera, with a box and a word for every face. */

import { MienError } from "../reading/errors";
import { cameraOf, closeCamera, isSelfie, listCameras, openCamera, type Camera } from "./devices";
import { MienMoving } from "./moving";
import { part } from "./style";

/** A camera; it is off until the visitor presses its button, or the page calls `start`. */
export class MienCamera extends MienMoving {
  static override observedAttributes = [...MienMoving.observedAttributes, "device", "mirrored"];

  private readonly button = part("button", "start");
  private readonly about = part("p", "about");
  private stream: MediaStream | null = null;

  constructor() {
    super();
    this.button.type = "button";
    this.button.addEventListener("click", () => void this.start().catch(() => undefined)); // it was told
    this.middle.append(this.button, this.about);
    this.middle.hidden = false;
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    super.attributeChangedCallback(name, before, after);
    if (name === "mirrored") {
      this.mirror();
    } else if (name === "device" && this.stream !== null && before !== after && after !== this.openDevice) {
      this.start().catch(() => undefined); // it was told
    }
  }

  /** Camera: an id of `cameras`, or "user" or "environment"; by default the last one opened. */
  get device(): string {
    return this.getAttribute("device") ?? "user";
  }

  set device(id: string) {
    this.setAttribute("device", id);
  }

  /** Id of the open camera; null if none is open. */
  get openDevice(): string | null {
    return this.stream === null ? null : (cameraOf(this.stream) ?? null);
  }

  /** Whether the picture is mirrored; by default, a camera that faces the visitor is. */
  get mirrored(): boolean {
    const given = this.getAttribute("mirrored");
    return given === null ? this.stream !== null && isSelfie(this.stream) : given !== "false";
  }

  set mirrored(mirrored: boolean) {
    this.setAttribute("mirrored", String(mirrored));
  }

  /** List the cameras; browsers reveal their names only after permission was granted. */
  async cameras(): Promise<Camera[]> {
    const found = await listCameras();
    return found.map(({ id, name }, index) => ({ id, name: name || this.texts.say("camera.numbered", { number: index + 1 }) }));
  }

  /**
   * Ask for the camera, open it and read its frames.
   *
   * @throws MienError There is no camera, or permission was denied; also sent as `mien-error`.
   */
  async start(): Promise<void> {
    this.stop();
    const { turn } = this;
    await this.attempt(async () => {
      this.middle.hidden = true;
      this.setState("loading");
      this.say(this.texts.say("camera.waiting"));
      try {
        const stream = await openCamera(this.device);
        if (turn !== this.turn) {
          closeCamera(stream); // something else was opened while the browser asked for permission
          return;
        }
        await this.watch(stream, turn);
      } catch (error) {
        if (turn === this.turn) {
          this.stop();
        }
        throw error;
      }
    });
  }

  override stop(): void {
    super.stop();
    this.middle.hidden = false;
  }

  protected override release(): void {
    super.release();
    closeCamera(this.stream);
    this.stream = null;
  }

  protected override writeTexts(): void {
    super.writeTexts();
    this.button.textContent = this.texts.say("camera.start");
    this.about.textContent = this.texts.say("page.private");
    const label = this.texts.say("camera.picture");
    this.video.setAttribute("aria-label", label);
    this.still.setAttribute("aria-label", label);
  }

  private async watch(stream: MediaStream, turn: number): Promise<void> {
    this.stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => {
      if (turn === this.turn) {
        this.stop();
        this.complain(new MienError("camera", "error.camera.ended"));
      }
    });
    await this.openMedia(stream);
    this.mirror();
    await this.video.play();
    await this.readFrames("<camera>", true);
  }

  private mirror(): void {
    this.setMirrored(this.stream !== null && this.mirrored);
  }
}
