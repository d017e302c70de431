"""The page that `make web` builds, in a real browser: what it reads, says, saves, never sends."""

import csv
import functools
import http.server
import io
import itertools
import json
import math
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
import mien.words
from browser import CHROMIUM, launch, list_violations, needs_chromium

ROOT = Path(__file__).parent.parent
BUILDS = (ROOT / "web" / "dist", ROOT / "src" / "mien" / "serving" / "page")
BUILD = next((build for build in BUILDS if (build / "index.html").is_file()), None)
SIZES = ((360, 740), (820, 1180), (1440, 900))
SHORT = ((740, 360), (844, 390), (1200, 420), (500, 500), (500, 400), (360, 560))
"""Phones held sideways, and frames in other pages: there the faces may need scrolling."""
CAMERA = "document.querySelector('#live-camera').shadowRoot.querySelector('video')"

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=30_000)  # a busy machine may need long for a reading

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.skipif(BUILD is None, reason="the page is not built: make web"),
    needs_chromium,
]


class Handler(http.server.SimpleHTTPRequestHandler):
    """A plain static host, as anyone may use; it sends no header that the page would need."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Site:
    """The page on a static host, and what was asked of it."""

    url: str
    asked: list[str]


@dataclass
class Visit:
    """A page that is open, and what it complained of and asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open_photo(self, path: Path) -> None:
        """Open a photo, and wait until it was read."""
        self.page.set_input_files("#photo-file", path)
        expect(self.page.locator("#status")).to_contain_text("found", timeout=30_000)

    def save(self, kind: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.click(f"#save-{kind}")
        return Path(download.value.path()).read_bytes()

    def wait_for_readings(self, count: int) -> None:
        """Wait until a camera or video was read so often."""
        for _ in range(60):
            self.page.wait_for_timeout(500)
            if self.page.is_enabled("#save-json"):
                record = json.loads(self.save("json"))
                if len(record["frames"]) >= count:
                    return
        pytest.fail(f"there were not {count} readings in 30 s")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    asked: list[str] = []
    handler = type("Recording", (Handler,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(BUILD))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(f"http://localhost:{server.server_port}/", asked)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium with a camera that shows a portrait moving to and fro."""
    film = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    film.write_bytes(b"".join(encode(frame, "JPEG") for frame in draw_film(40)))
    yield from launch(
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Visit]:
    """The page, loaded, in a browser that is new to it; no error may be left at the end."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.grant_permissions(["camera"])
        visit = enter(context, site)
        yield visit
        assert visit.complaints == []


def enter(context: Any, site: Site) -> Visit:
    page = context.new_page()
    visit = Visit(page)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            visit.complaints.append(message.text) if message.type in {"error", "warning"} else None
        ),
    )
    context.on("request", lambda request: visit.requests.append(request.url))
    page.goto(site.url)
    try:
        page.wait_for_selector("body[data-ready=true]", timeout=90_000)
    except sync_api.TimeoutError:
        pytest.fail(f"not ready: {page.inner_text('#status')!r}, {visit.complaints}, {site.asked}")
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    return visit


def draw_film(count: int) -> Iterator[Image.Image]:
    portrait = Image.open(ROOT / "examples" / "astronaut.jpg").convert("RGB").resize((480, 480))
    for number in range(count):
        frame = Image.new("RGB", (640, 480), (110, 120, 130))
        frame.paste(portrait, (80 + round(24 * math.sin(2 * math.pi * number / count)), 0))
        yield frame


def encode(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=90)
    return stream.getvalue()


def model_of(visit: Visit) -> str:
    return str(visit.page.input_value("#model"))


def assert_same_faces(given: dict, wanted: mien.ImageResult) -> None:
    wanted_record = wanted.to_dict()
    assert given.keys() == wanted_record.keys()
    assert (given["width"], given["height"]) == (wanted.width, wanted.height)
    assert len(given["faces"]) == len(wanted.faces)
    for face, wanted_face in zip(given["faces"], wanted_record["faces"], strict=True):
        assert face.keys() == wanted_face.keys()
        box = [face["box"][side] - wanted_face["box"][side] for side in wanted_face["box"]]
        assert np.abs(box).max() < 0.1
        off = np.subtract(face["landmarks"], wanted_face["landmarks"])
        assert np.abs(off).max() < 0.1
        assert face["detection_score"] == pytest.approx(wanted_face["detection_score"], abs=1e-3)
        assert face["probabilities"] == pytest.approx(wanted_face["probabilities"], abs=1e-3)
        assert (face["emotion"], face["reason"]) == (wanted_face["emotion"], wanted_face["reason"])


def test_a_photo_reads_as_in_python(visit: Visit) -> None:
    for picture in ("examples/astronaut.jpg", "tests/golden/group.png", "tests/golden/empty.png"):
        visit.open_photo(ROOT / picture)
        given = json.loads(visit.save("json"))
        assert given["source"] == Path(picture).name
        assert_same_faces(given, mien.analyze(ROOT / picture, model=model_of(visit)))


def test_after_loading_no_request_leaves(visit: Visit, site: Site) -> None:
    assert {url.startswith((site.url, "blob:")) for url in visit.requests} == {True}
    visit.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    visit.page.wait_for_timeout(500)
    asked, requests = len(site.asked), len(visit.requests)
    visit.open_photo(ROOT / "examples" / "astronaut.jpg")
    visit.save("png")
    visit.page.click(".controls [data-open=camera]")
    visit.wait_for_readings(3)
    visit.page.click("#close")
    assert [url for url in visit.requests[requests:] if not url.startswith("blob:")] == []
    # The browser itself checks now and then whether the page was updated; that request has no body.
    assert set(site.asked[asked:]) <= {"/sw.js"}


def test_a_camera_is_read_and_saved(visit: Visit) -> None:
    page = visit.page
    page.click(".welcome [data-open=camera]")
    visit.wait_for_readings(8)
    record = json.loads(visit.save("json"))
    assert (record["width"], record["height"]) == (640, 480)
    assert record["source"] == "<camera>"
    times = [frame["time_s"] for frame in record["frames"]]
    assert times == sorted(times)
    losses = sum(later - earlier > 1 for earlier, later in itertools.pairwise(times))
    ids = [track["track_id"] for track in record["tracks"]]
    assert ids == list(range(1, losses + 2))  # a busy machine may lose the face for over a second
    for frame in record["frames"]:
        (face,) = frame["faces"]
        assert face["emotion"] == "happy"
        assert sum(face["smoothed"].values()) == pytest.approx(1, abs=1e-6)
    rows = list(csv.DictReader(io.StringIO(visit.save("csv").decode())))
    assert len(rows) >= len(record["frames"])
    assert rows[0]["source"] == "<camera>"
    assert float(rows[0]["happy"]) == record["frames"][0]["faces"][0]["probabilities"]["happy"]
    picture = Image.open(io.BytesIO(visit.save("png")))
    assert (picture.format, picture.size) == ("PNG", (640, 480))
    assert page.locator("#cards .word").inner_text() == "happy"


def test_pause_and_freeze_hold_the_picture(visit: Visit) -> None:
    page = visit.page
    page.click(".welcome [data-open=camera]")
    visit.wait_for_readings(3)
    page.locator("#faces").focus()
    page.keyboard.press("Space")
    expect(page.locator("#pause")).to_have_text("Resume")
    page.wait_for_timeout(1000)
    held = len(json.loads(visit.save("json"))["frames"])
    page.wait_for_timeout(700)
    assert len(json.loads(visit.save("json"))["frames"]) == held
    page.click("#pause")
    visit.wait_for_readings(held + 2)
    page.click("#freeze")
    expect(page.locator("#status")).to_contain_text("One face found")
    expect(page.locator("#freeze")).to_have_attribute("aria-pressed", "true")
    assert Image.open(io.BytesIO(visit.save("png"))).size == (640, 480)
    held = len(json.loads(visit.save("json"))["frames"])
    page.click("#freeze")
    visit.wait_for_readings(held + 2)
    page.keyboard.press("Escape")
    expect(page.locator("body")).to_have_attribute("data-mode", "welcome")


def test_the_camera_can_be_mirrored(visit: Visit) -> None:
    page = visit.page
    page.click(".welcome [data-open=camera]")
    visit.wait_for_readings(2)
    picture = f"() => getComputedStyle({CAMERA}).transform"
    assert page.evaluate(picture) == "matrix(-1, 0, 0, 1, 0, 0)"
    page.click("#mirror")
    expect(page.locator("#mirror")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(picture) == "none"
    expect(page.locator("#camera")).to_be_hidden()  # there is no choice


def test_one_of_two_cameras_can_be_chosen(browser: Any, site: Site) -> None:
    with browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--use-fake-device-for-media-stream=device-count=2"],
    ) as other_browser:
        context = other_browser.new_context()
        context.grant_permissions(["camera"])
        page = enter(context, site).page
        page.click(".welcome [data-open=camera]")
        camera = page.locator("#camera")
        expect(camera.locator("option")).to_have_count(2)
        ids = camera.locator("option").evaluate_all("all => all.map(one => one.value)")
        (other,) = {*ids} - {camera.input_value()}
        camera.select_option(other)
        opened = f"() => {CAMERA}.srcObject?.getVideoTracks()[0].getSettings()"
        expect(camera).to_have_value(other)
        expect(page.locator("#status")).to_contain_text("readings a second", timeout=20_000)
        assert page.evaluate(opened)["deviceId"] == other


def test_a_video_file_has_its_own_times(visit: Visit, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="making a video needs PyAV")
    path = tmp_path / "film.webm"
    with av.open(path, "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for frame in draw_film(30):
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
    visit.page.set_input_files("#video-file", path)
    expect(visit.page.locator("#status")).to_contain_text("over", timeout=30_000)
    record = json.loads(visit.save("json"))
    assert record["duration_s"] == pytest.approx(3, abs=0.2)
    assert record["source"] == "film.webm"
    assert record["frames_with_face"] == len(record["frames"]) >= 1
    for frame in record["frames"]:  # ten frames a second: a time says which frame it is
        assert frame["time_s"] * 10 == pytest.approx(round(frame["time_s"] * 10), abs=0.02)


def test_dropped_and_pasted_pictures_open(visit: Visit) -> None:
    data = (ROOT / "tests" / "golden" / "tight.png").read_bytes()
    give = """(bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "face.png", { type: "image/png" }));
        dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
        const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true });
        document.body.dispatchEvent(drop);
    }"""
    visit.page.evaluate(give, list(data))
    expect(visit.page.locator("#status")).to_contain_text("One face found", timeout=20_000)


def test_what_is_no_picture_gets_a_sentence(visit: Visit, tmp_path: Path) -> None:
    notice = visit.page.locator("#notice")
    for name, data, words in (
        ("phone.heic", b"\x00\x00\x00\x18ftypheic" + bytes(64), "HEIC"),
        ("text.jpg", b"Dear all, please find attached the picture.\n" * 3, "text file"),
        ("empty.jpg", b"", "empty"),
        ("half.png", (ROOT / "tests/golden/tight.png").read_bytes()[:900], "damaged"),
        ("paper.jpg", b"%PDF-1.7\n" + bytes(64), "PDF"),
        ("scan.tiff", b"II*\0" + bytes(64), "TIFF"),
        ("noise.png", bytes(range(128, 256)) * 3, "not a picture"),
    ):
        (tmp_path / name).write_bytes(data)
        visit.page.set_input_files("#photo-file", tmp_path / name)
        expect(notice).to_contain_text(words)
        expect(notice).to_contain_text(name)
    (tmp_path / "clip.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(64))
    visit.page.set_input_files("#video-file", tmp_path / "clip.mp4")
    expect(notice).to_contain_text("does not play this file")
    expect(visit.page.locator("body")).to_have_attribute("data-mode", "welcome")
    visit.open_photo(ROOT / "tests" / "golden" / "tight.png")
    expect(notice).to_be_hidden()


def test_a_camera_that_is_refused_gets_a_sentence(browser: Any, site: Site) -> None:
    with browser.new_context() as context:
        visit = enter(context, site)
        visit.page.click(".welcome [data-open=camera]")
        expect(visit.page.locator("#notice")).to_contain_text("The camera was not allowed")
        visit.open_photo(ROOT / "tests" / "golden" / "tight.png")


def test_without_webassembly_there_is_a_sentence(browser: Any, site: Site) -> None:
    with browser.new_context(service_workers="block") as context:
        page = context.new_page()
        # Workers have a global object of their own: the script is given one without WebAssembly.
        page.route(
            re.compile(r"worker-.*\.js$"),
            lambda route: route.fulfill(
                body="delete self.WebAssembly;" + route.fetch().text(),
                content_type="text/javascript",
            ),
        )
        page.goto(site.url)
        expect(page.locator("#notice")).to_contain_text("WebAssembly", timeout=30_000)


def test_it_works_offline_once_loaded(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.page.reload()
    visit.page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    visit.open_photo(ROOT / "tests" / "golden" / "tight.png")
    visit.page.context.set_offline(False)


def test_another_model_can_be_chosen(visit: Visit) -> None:
    models = visit.page.locator("#model option").all_inner_texts()
    if len(models) < 2:
        pytest.skip("the page was built with one model")
    visit.open_photo(ROOT / "examples" / "astronaut.jpg")
    for model in reversed(models):
        visit.page.select_option("#model", model)
        expect(visit.page.locator("#status")).to_contain_text("found", timeout=30_000)
        given = json.loads(visit.save("json"))
        assert_same_faces(given, mien.analyze(ROOT / "examples" / "astronaut.jpg", model=model))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Visit, scheme: str) -> None:
    pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    page = visit.page
    # Without motion, or axe may look while the colours still fade from one scheme to the other.
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    def check(where: str) -> None:
        assert list_violations(page) == [], where

    check("welcome")
    visit.open_photo(ROOT / "tests" / "golden" / "group.png")
    check("photo")
    page.click(".controls [data-open=camera]")
    visit.wait_for_readings(3)
    check("camera")
    page.set_viewport_size({"width": 360, "height": 740})
    check("camera on a phone")


def test_everything_works_from_the_keyboard(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.dataset.open") == "camera":
            break
    page.keyboard.press("Enter")
    visit.wait_for_readings(2)
    names = set()
    for _ in range(16):
        page.keyboard.press("Tab")
        names.add(page.evaluate("() => document.activeElement.id"))
    assert {"pause", "freeze", "close", "save-png", "save-csv", "save-json"} <= names


def test_it_is_one_screen(visit: Visit) -> None:
    page = visit.page
    extent = "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    for parts in (("#welcome",), ("#stage", ".controls", "#faces", "#timeline")):
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(extent) == [width, height]
            for part in parts:
                box = page.locator(part).bounding_box()
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
                assert box["y"] + box["height"] <= height
        if parts == ("#welcome",):
            page.click(".welcome [data-open=camera]")
            visit.wait_for_readings(1)


@pytest.mark.parametrize("size", SHORT)
def test_on_a_short_screen_every_button_is_in_sight(visit: Visit, size: tuple[int, int]) -> None:
    page = visit.page
    width, height = size
    page.set_viewport_size({"width": width, "height": height})

    def check(buttons: str, picture: str) -> None:
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        assert page.locator(picture).bounding_box()["height"] >= 110
        for button in page.locator(buttons).all():
            if button.is_visible():
                box = button.bounding_box()
                assert box["y"] >= 0, button.inner_text()
                assert box["y"] + box["height"] <= height, button.inner_text()

    check(".choices button", ".welcome")
    page.click(".welcome [data-open=camera]")
    visit.wait_for_readings(1)
    check(".controls button, .camera-tools *", "#stage")
    legend = page.locator(".legend")
    legend.scroll_into_view_if_needed()
    assert "not what anyone feels" in legend.inner_text()
    expect(legend).to_be_in_viewport()


@pytest.mark.parametrize("size", [*SIZES, *SHORT])
def test_the_page_always_says_what_it_does_not_know(visit: Visit, size: tuple[int, int]) -> None:
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.open_photo(ROOT / "tests" / "golden" / "group.png")
    expect(visit.page.locator(".legend")).to_contain_text("not what anyone feels")
    expect(visit.page.locator(".legend")).to_be_visible()


def test_the_page_says_what_it_is_before_it_asks_for_the_camera(visit: Visit) -> None:
    text = visit.page.inner_text("#welcome")
    for words in ("apparent expression", "does not know what anyone feels", "on this device"):
        assert words in text
    assert not visit.page.evaluate(f"() => {CAMERA}.srcObject")


def texts_of(lang: str) -> dict[str, Any]:
    """The page's texts in a language."""
    text = (ROOT / "web" / "src" / "texts" / f"{lang}.json").read_text(encoding="utf-8")
    return json.loads(text)


def test_another_language_can_be_chosen_and_is_remembered(visit: Visit, site: Site) -> None:
    page = visit.page
    arabic, german = texts_of("ar"), texts_of("de")
    options = page.locator("#language option")
    assert [options.nth(i).get_attribute("value") for i in range(options.count())] == sorted(
        mien.words.LANGUAGES
    )
    assert "Русский" in options.all_inner_texts()
    visit.open_photo(ROOT / "examples" / "astronaut.jpg")
    before = json.loads(visit.save("json"))

    page.focus("#language")
    page.select_option("#language", "ar")
    expect(page.locator("html[lang=ar][dir=rtl]")).to_have_count(1)
    expect(page.locator("#status")).to_have_text(arabic["found"]["one"])
    expect(page.locator("#cards .word")).to_have_text(mien.words.translate("happy", "ar"))
    expect(page.locator("#save-json")).to_have_attribute("aria-label", arabic["page.save.json"])
    assert page.evaluate("document.activeElement.id") == "language"
    assert json.loads(visit.save("json")) == before  # the photo is open still, its keys English

    page.reload()  # remembered
    expect(page.locator("#language")).to_have_value("ar")
    page.goto(f"{site.url}?lang=de-AT")  # an address that asks for one is obeyed
    expect(page.locator("h2").first).to_have_text(german["page.welcome"])
    page.select_option("#language", "en")  # and the visitor's own choice comes before it
    expect(page.locator("html[lang=en][dir=ltr]")).to_have_count(1)
    assert "lang=" not in page.url


def test_every_language_fits_on_desktop_and_phone(browser: Any, site: Site) -> None:
    cut = """() => [...document.querySelectorAll("button, select, .name, .value, .status")]
        .filter((part) => part.offsetParent && part.scrollWidth > part.clientWidth + 1)
        .map((part) => `${part.id || part.className}: ${part.textContent.slice(0, 40)}`)"""
    found = {}
    with browser.new_context(locale="he-IL") as context:
        page = enter(context, site).page
        assert page.evaluate("document.documentElement.lang") == "he"  # that of the browser
        for mode in ("welcome", "photo"):
            if mode == "photo":
                page.set_input_files("#photo-file", ROOT / "examples" / "astronaut.jpg")
                expect(page.locator("#cards li")).to_have_count(1)
            for lang in mien.words.LANGUAGES:
                page.select_option("#language", lang)
                expect(page.locator(f"html[lang={lang}]")).to_have_count(1)
                for width, height in SIZES:
                    page.set_viewport_size({"width": width, "height": height})
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    parts = [f"page: {wide}"] if wide > width else page.evaluate(cut)
                    found |= {(lang, mode, width): parts} if parts else {}
    assert found == {}


def test_the_build_names_no_other_host() -> None:
    """What the runtime and XML name as mere words is known; nothing else may be there."""
    assert BUILD is not None
    known = ("www.w3.org", "localhost", "web.dev", "github.com", "rolldown.rs", "")
    for path in BUILD.rglob("*"):
        if path.suffix in {".html", ".js", ".css", ".svg", ".webmanifest"}:
            for host in re.findall(r"https?://([\w.-]*)", path.read_text(encoding="utf-8")):
                assert host.rstrip(".") in known, f"{path.name}: {host}"
    html = (BUILD / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert "unsafe-inline" not in html
    assert "'unsafe-eval'" not in html
