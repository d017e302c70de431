"""Measure the built page in Chromium: download size, and readings per second of a camera.

    make web && python benchmarks/page_speed.py

For each model of the page, a fake camera shows one moving face at 640 x 480; detection and
recognition have one thread. It is measured with all cores, and with all of Chromium, including its
software rendering, limited to one core. The last seconds of the page's own recording are counted.
The download size is that of a server with brotli compression. Requires Debian's Chromium on Linux.
"""

import functools
import http.server
import io
import json
import math
import os
import statistics
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from machine import write_result

ROOT = Path(__file__).parent.parent
DIST = ROOT / "web" / "dist"
CHROMIUM = "/usr/bin/chromium"
WARM_S, COUNTED_S = 5, 10


class Handler(http.server.SimpleHTTPRequestHandler):
    """A static host that logs nothing."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def write_film(path: Path) -> None:
    """Write the camera's video: 2 seconds of a moving portrait."""
    portrait = Image.open(ROOT / "examples" / "astronaut.jpg").convert("RGB").resize((480, 480))
    frames = []
    for number in range(60):
        frame = Image.new("RGB", (640, 480), (110, 120, 130))
        frame.paste(portrait, (80 + round(24 * math.sin(2 * math.pi * number / 60)), 0))
        stream = io.BytesIO()
        frame.save(stream, "JPEG", quality=90)
        frames.append(stream.getvalue())
    path.write_bytes(b"".join(frames))


def measure_load(model: str) -> dict[str, float]:
    """Return the size of a first load with a model, uncompressed and compressed, in MB."""
    plain = packed = 0
    for path in DIST.rglob("*"):
        is_other_model = path.suffix == ".onnx" and not path.name.startswith((model, "face_"))
        if path.is_dir() or path.suffix in {".br", ".gz"} or is_other_model:
            continue
        brotli = path.with_name(path.name + ".br")
        plain += path.stat().st_size
        packed += (brotli if brotli.is_file() else path).stat().st_size
    return {"plain_mb": plain / 1e6, "brotli_mb": packed / 1e6}


def measure_camera(browser: Browser, url: str, model: str) -> dict[str, float]:
    """Start the camera on the page, and count readings."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    if page.input_value("#model") != model:
        page.select_option("#model", model)
        page.wait_for_selector("body[data-ready=false]", timeout=10_000)
        page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    page.click(".welcome [data-open=camera]")
    page.wait_for_timeout((WARM_S + COUNTED_S) * 1000)
    with page.expect_download() as download:
        page.click("#save-json")
    record = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    page.close()
    times = [frame["time_s"] for frame in record["frames"]]
    counted = [time_s for time_s in times if time_s > times[-1] - COUNTED_S]
    gaps = [after - before for before, after in pairwise(counted)]
    return {
        "width": record["width"],
        "height": record["height"],
        "frames_per_s": len(gaps) / (counted[-1] - counted[0]),
        "median_gap_ms": 1000 * statistics.median(gaps),
        "with_face": record["frames_with_face"] / len(times),
        "tracks": len(record["tracks"]),
    }


def measure_all(film: Path, url: str, cores: set[int]) -> tuple[str, dict[str, Any]]:
    """Start Chromium on some cores, and measure the page with each model."""
    os.sched_setaffinity(0, cores)  # child processes inherit it
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("body[data-ready=true]", timeout=60_000)
        page.evaluate("async () => { await navigator.serviceWorker.ready; }")
        models = page.locator("#model option").all_inner_texts()
        page.close()
        measured = {model: measure_camera(browser, url, model) for model in models}
        version = browser.version
        browser.close()
    return version, measured


def main() -> None:
    """Measure each model."""
    handler = functools.partial(Handler, directory=str(DIST))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    film = ROOT / "web" / "node_modules" / ".cache" / "camera.mjpeg"
    film.parent.mkdir(parents=True, exist_ok=True)
    write_film(film)
    url = f"http://localhost:{server.server_port}/"
    cores = os.sched_getaffinity(0)
    chromium, on_all = measure_all(film, url, cores)
    _, on_one = measure_all(film, url, {min(cores)})
    figures = {
        "chromium": chromium,
        "warm_s": WARM_S,
        "counted_s": COUNTED_S,
        "models": {
            model: {
                "first_load": measure_load(model),
                "camera": on_all[model],
                "camera_on_one_core": on_one[model],
            }
            for model in on_all
        },
    }
    write_result(__file__, ("playwright", "pillow"), figures)


if __name__ == "__main__":
    main()
