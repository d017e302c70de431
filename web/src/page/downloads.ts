/** Save text or a canvas as a file. */

import { MienError } from "../reading/errors";

/** Save text under a name. */
export function saveText(text: string, name: string, type: string): void {
  save(new Blob([text], { type }), name);
}

/** Save a canvas as PNG. */
export async function savePng(canvas: HTMLCanvasElement, name: string): Promise<void> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) {
    throw new MienError("browser", "error.image.png");
  }
  save(blob, name);
}

/** Name a file after its source: `holiday.mp4` becomes `holiday-mien.csv`. */
export function nameAfter(source: string, extension: string): string {
  const stem = source.replace(/[<>]/g, "").replace(/\.[^.]*$/, "") || "mien";
  return `${stem}-mien.${extension}`;
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
