/** The npm package in a plain page under a strict policy: it reads as Python does, and asks only its own host. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium, type Browser, type Page } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FaceResult, ImageResult } from "../../src/reading/results";
import { faces as golden, hasDetector } from "../golden";
import { CHROMIUM, serve } from "./site";

const ROOT = new URL("../../../", import.meta.url);
const ELEMENTS = new URL("web/elements/", ROOT);
const isBuilt = existsSync(new URL("index.js", ELEMENTS));
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

describe.skipIf(!isBuilt)("the package", () => {
  test("servers can import it", async () => {
    const { MienPhoto } = await import(/* @vite-ignore */ new URL("index.js", ELEMENTS).href);
    expect(MienPhoto.name).toBeTypeOf("string");
  });

  test("one element brings neither the others nor the charts", async () => {
    const bundle = await rolldown({ input: "entry", plugins: [entryOf("photo")] });
    const { output } = await bundle.generate({ minify: true });
    const code = output.map((chunk) => ("code" in chunk ? chunk.code : "")).join("");
    expect(code).toContain("mien-photo");
    expect(code).not.toContain("getUserMedia");
    expect(code).not.toContain("uplot");
  });
});

describe.skipIf(!isBuilt || !hasDetector || CHROMIUM === undefined)("the plain example", () => {
  let site: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    site = await serve([
      ["/mien/", ELEMENTS],
      ["/golden/", new URL("tests/golden/", ROOT)],
      ["/", new URL("examples/web/plain/", ROOT)],
      ["/", new URL("examples/", ROOT)], // the photo
    ]);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    });
    page = await browser.newPage({ reducedMotion: "reduce" });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("request", (request) => asked.push(request.url()));
    page.on("response", (response) => response.ok() || complaints.push(`${response.status()} ${response.url()}`));
    await page.goto(site.url);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test("a photo is read when the page opens", async () => {
    await expect.poll(() => page.locator("#json").textContent(), { timeout: 60_000 }).toContain('"emotion": "happy"');
    const spoken = page.locator("mien-photo").locator(".spoken");
    expect(await spoken.textContent()).toBe("face 1: happy");
  }, 90_000);

  test("a photo's JSON is Python's", async () => {
    const given = await page.evaluate(() => document.querySelector("mien-photo")!.analyze("golden/group.png"));
    const { width, height, models } = golden.pictures["group.png"];
    expect(given).toMatchObject({ schema: 1, source: "group.png", width, height, turned: 0, damage: null });
    expect(given.faces.length).toBe(models.fast.length);
    given.faces.forEach((face: FaceResult, index: number) => {
      const wanted = models.fast[index];
      expect(Object.keys(face)).toEqual(Object.keys(wanted));
      expect(face.emotion).toBe(wanted.emotion);
      for (const [name, share] of Object.entries(wanted.probabilities ?? {})) {
        expect(face.probabilities?.[name]).toBeCloseTo(share, 3);
      }
    });
  }, 60_000);

  test("a threshold of one's own decides what is named", async () => {
    const named = await page.evaluate(async () => {
      const photo = document.querySelector("mien-photo")!;
      photo.threshold = 1;
      const { faces } = (await photo.analyze()) as ImageResult;
      photo.threshold = null;
      return faces.map(({ emotion, reason }) => [emotion, reason]);
    });
    expect(new Set(named.flat())).toEqual(new Set([null, "uncertain"]));
  }, 60_000);

  test("what is no picture is an error with a sentence", async () => {
    const told = await page.evaluate(async () => {
      const photo = document.querySelector("mien-photo")!;
      const event = new Promise<string>((resolve) =>
        photo.addEventListener("mien-error", ({ detail }) => resolve(`${detail.kind}: ${detail.message}`), { once: true }),
      );
      await photo.analyze(new File(["a text"], "a.jpg")).catch(() => undefined);
      return event;
    });
    expect(told).toBe("image: a.jpg is a text file; expected a picture: JPEG, PNG, WebP, AVIF, GIF or BMP.");
    expect(await page.locator("mien-photo").locator(".notice").isVisible()).toBe(true);
  }, 60_000);

  test("of two photos that are opened at once, the later is shown, and nobody is told of the other", async () => {
    const [first, second, source, notice] = await page.evaluate(async () => {
      const photo = document.querySelector("mien-photo")!;
      const both = await Promise.allSettled([photo.analyze(new File(["a text"], "a.jpg")), photo.analyze("golden/tight.png")]);
      const told = photo.shadowRoot?.querySelector<HTMLElement>(".notice")?.hidden;
      return [both[0].status === "rejected" && both[0].reason.name, both[1].status, photo.result?.source, told];
    });
    expect([first, second, source, notice]).toEqual(["AbortError", "fulfilled", "tight.png", true]);
  }, 60_000);

  test("the camera starts from the keyboard, and its frames come as events", async () => {
    const frame = page.evaluate(
      () =>
        new Promise<string[]>((resolve) =>
          document
            .querySelector("mien-camera")!
            .addEventListener("mien-faces", ({ detail }) => resolve(Object.keys(detail)), { once: true }),
        ),
    );
    await page.locator("mien-camera").locator(".start").focus();
    await page.keyboard.press("Enter");
    expect(await frame).toEqual(["schema", "source", "time_s", "frame", "labels", "faces"]);
    await expect.poll(() => page.locator("mien-timeline[for=camera]").locator("canvas").count()).toBe(1);
    expect(await page.evaluate(() => document.querySelector("mien-camera")!.state)).toBe("running");
  }, 60_000);

  test("timelines find their elements, whichever is registered first", async () => {
    const found = await page.evaluate(() => [...document.querySelectorAll("mien-timeline")].map(({ target }) => target?.localName));
    expect(found).toEqual(["mien-camera", "mien-video"]);
  });

  test("axe finds nothing, by day and by night", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(readFileSync(AXE, "utf8"));
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
        return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      });
      expect(found).toEqual([]);
    }
  }, 60_000);

  test("the policy allowed all, and no other host was asked", async () => {
    await page.evaluate(() => document.querySelector("mien-camera")!.stop());
    expect(await page.evaluate(() => document.querySelector("mien-camera")!.state)).toBe("idle");
    expect(complaints).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(site.url) && !url.startsWith("data:"))).toEqual([]);
  });
});

/** A module that imports one element of the built package, as a page's bundler sees it. */
function entryOf(name: string): { name: string; resolveId: (id: string) => string | undefined; load: (id: string) => string | undefined } {
  return {
    name: "entry",
    resolveId: (id) => (id === "entry" ? "\0entry" : undefined),
    load: (id) => (id === "\0entry" ? `import "${new URL(`${name}.js`, ELEMENTS).pathname}";` : undefined),
  };
}
