/** Connect clicks, keys, drops and pastes to the page. */

import "../element/index";
import { element } from "./document";
import { openLanguage } from "./language";
import { MODELS } from "./models";
import { Page } from "./page";

const page: Page = new Page(await openLanguage((texts) => page.translate(texts)));
const files = { photo: element<HTMLInputElement>("photo-file"), video: element<HTMLInputElement>("video-file") };

function listenToButtons(): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-open]")) {
    button.addEventListener("click", () => {
      const what = button.dataset.open as "camera" | "photo" | "video";
      if (what === "camera") {
        void page.openCamera();
      } else {
        files[what].click();
      }
    });
  }
  for (const input of Object.values(files)) {
    input.addEventListener("change", () => {
      openFirst(input.files);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  element("mirror").addEventListener("click", () => page.mirror(!page.camera.mirrored));
  const cameras = element<HTMLSelectElement>("camera");
  cameras.addEventListener("change", () => void page.openCamera(cameras.value));
  navigator.mediaDevices?.addEventListener("devicechange", () => void page.showCameras());
  element("pause").addEventListener("click", () => page.togglePause());
  element("freeze").addEventListener("click", () => void page.toggleFreeze());
  element("close").addEventListener("click", () => page.close());
  for (const kind of ["png", "csv", "json"] as const) {
    element(`save-${kind}`).addEventListener("click", () => void page.save(kind));
  }
}

function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    const isOnControl = event.target instanceof Element && event.target.closest("button, select, input, mien-video, mien-timeline, a") !== null;
    if (event.key === " " && !isOnControl) {
      event.preventDefault();
      page.togglePause();
    } else if (event.key === "Escape") {
      page.close();
    }
  });
}

function listenToDrops(): void {
  const { classList } = document.body;
  addEventListener("dragover", (event) => {
    event.preventDefault();
    classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) {
      classList.remove("dropping");
    }
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    classList.remove("dropping");
    openFirst(event.dataTransfer?.files);
  });
  addEventListener("paste", (event) => openFirst(event.clipboardData?.files));
}

function openFirst(list: FileList | null | undefined): void {
  const file = list?.[0];
  if (file !== undefined) {
    void page.openFile(file);
  }
}

function listenToModels(): void {
  const select = element<HTMLSelectElement>("model");
  select.replaceChildren(...MODELS.map(({ spec }) => new Option(spec.name, spec.name)));
  select.disabled = MODELS.length < 2;
  select.addEventListener("change", async () => {
    select.value = await page.load(select.value); // the old one stays if the new one fails
  });
}

/** Cache the page's files, so that it opens offline. */
async function keepOffline(): Promise<void> {
  if (import.meta.env.PROD && "serviceWorker" in navigator) {
    await navigator.serviceWorker.register("./sw.js").catch(() => undefined); // the page works without it
  }
}

listenToButtons();
listenToKeys();
listenToDrops();
listenToModels();
void page.load(MODELS[0]?.spec.name ?? "").then(async () => {
  await import("../element/chart"); // now, so that the page asks for nothing once it is loaded
  await keepOffline();
});
