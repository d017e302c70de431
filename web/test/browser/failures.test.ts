/** What goes wrong in a page: each is a sentence and an event, and the element can be used again. */

import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MienFailure } from "../../src/element/events";
import { hasDetector } from "../golden";
import { CHROMIUM, serve } from "./site";

const ROOT = new URL("../../../", import.meta.url);
const ELEMENTS = new URL("web/elements/", ROOT);
const isBuilt = existsSync(new URL("index.js", ELEMENTS));

describe.skipIf(!isBuilt || !hasDetector || CHROMIUM === undefined)("in a page", () => {
  let site: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  let page: Page;
  const thrown: string[] = [];

  beforeAll(async () => {
    site = await serve([
      ["/mien/", ELEMENTS],
      ["/", new URL("examples/web/plain/", ROOT)],
      ["/", new URL("examples/", ROOT)], // the photo
    ]);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    page = await browser.newPage();
    page.on("pageerror", (error) => thrown.push(String(error)));
    await page.goto(site.url);
    await page.evaluate(() => {
      // What every test asks: what an element told, and what it shows now.
      Object.assign(window, {
        observe: async (element: HTMLElement & { state: string }, act: () => Promise<unknown>) => {
          const told: string[] = [];
          const note = ({ detail }: CustomEvent<MienFailure>): number => told.push(`${detail.kind}: ${detail.message}`);
          element.addEventListener("mien-error", note);
          await act().catch(() => undefined);
          element.removeEventListener("mien-error", note);
          const notice = element.shadowRoot!.querySelector<HTMLElement>(".notice")!;
          return { told, shown: notice.checkVisibility() ? notice.textContent : null, role: notice.role, state: element.state };
        },
      });
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test("a machine without a camera", async () => {
    const seen = await page.evaluate(() => {
      const camera = document.querySelector("mien-camera")!;
      return observe(camera, () => camera.start());
    });
    expect(seen).toMatchObject({ told: [expect.stringMatching(/^camera: /)], role: "alert", state: "idle" });
    expect(seen.shown).toMatch(/no camera/i);
    expect(await page.locator("mien-camera").locator(".start").isVisible()).toBe(true);
  });

  test("a visitor who does not allow the camera", async () => {
    const strict = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--use-fake-device-for-media-stream"] });
    try {
      const other = await strict.newPage();
      await other.goto(site.url);
      await other.locator("mien-camera").locator(".start").click();
      const notice = other.locator("mien-camera").locator(".notice");
      await expect.poll(() => notice.isVisible()).toBe(true);
      expect(await notice.textContent()).toMatch(/allow/i);
      expect(await other.locator("mien-camera").locator(".start").isVisible()).toBe(true);
    } finally {
      await strict.close();
    }
  }, 60_000);

  test("videos that cannot be played", async () => {
    const seen = await page.evaluate(async () => {
      const video = document.querySelector("mien-video")!;
      const noise = await observe(video, () => video.start(new File([new Uint8Array(4000).fill(7)], "a.mp4")));
      const empty = await observe(video, () => video.analyze(new File([], "b.mp4")));
      const missing = await observe(video, () => video.start("nowhere.mp4"));
      return [noise, empty, missing];
    });
    expect(seen.map(({ told, state }) => [told.length, state])).toEqual(Array(3).fill([1, "idle"]));
    expect(seen[0].shown).toContain("MP4 (H.264) or WebM");
    expect(seen[1].shown).toContain("b.mp4 is empty");
  }, 60_000);

  test("models that are not at their place, until they are", async () => {
    const [without, after] = await page.evaluate(async () => {
      const photo = document.createElement("mien-photo");
      document.body.append(photo);
      photo.modelsUrl = "nowhere/";
      const without = await observe(photo, () => photo.analyze("astronaut.jpg"));
      photo.modelsUrl = "mien/models/";
      const { faces } = await photo.analyze();
      const notice = photo.shadowRoot!.querySelector<HTMLElement>(".notice")!;
      const after = [faces[0].emotion, photo.state, notice.checkVisibility()];
      photo.remove();
      return [without, after] as const;
    });
    expect(without.told.length).toBe(1);
    expect(without.told[0]).toMatch(/^model: .*404.*nowhere\/fast\.json/);
    expect(after).toEqual(["happy", "running", false]);
  }, 90_000);

  test("an element that is removed while it loads, and added again; beside it, another", async () => {
    const seen = await page.evaluate(async () => {
      const [moved, other] = [document.createElement("mien-photo"), document.createElement("mien-photo")];
      const counts = { faces: 0, errors: 0 };
      moved.addEventListener("mien-faces", () => counts.faces++);
      moved.addEventListener("mien-error", () => counts.errors++);
      moved.src = other.src = "astronaut.jpg";
      document.body.append(moved, other);
      moved.remove();
      await new Promise((resolve) => setTimeout(resolve, 20));
      document.body.append(moved);
      while (moved.state !== "running" || other.state !== "running") {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const names = [moved, other].map(({ result }) => result?.faces[0].emotion);
      moved.remove();
      other.remove();
      return { ...counts, names };
    });
    expect(seen).toEqual({ faces: 1, errors: 0, names: ["happy", "happy"] });
  }, 60_000);

  test("a photo of 40 megapixels", async () => {
    const [width, count] = await page.evaluate(async () => {
      const small = await createImageBitmap(await (await fetch("astronaut.jpg")).blob());
      const canvas = new OffscreenCanvas(8000, 5000);
      canvas.getContext("2d")!.drawImage(small, 0, 0, 5000, 5000);
      const photo = document.querySelector("mien-photo")!;
      const { width, faces } = await photo.analyze(await canvas.convertToBlob({ type: "image/jpeg" }));
      return [width, faces.length];
    });
    expect([width, count]).toEqual([8000, 1]);
  }, 120_000);

  test("nothing of it is thrown at the page", () => expect(thrown).toEqual([]));
});

declare global {
  /** Run an action of an element, and return what it told and shows. */
  function observe(
    element: HTMLElement,
    act: () => Promise<unknown>,
  ): Promise<{ told: string[]; shown: string | null; role: string | null; state: string }>;
}
