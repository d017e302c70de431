"""Reports: one file that needs nothing, tells the truth, and runs nobody's script."""

import json
import re
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pytest

import mien
from browser import launch, list_violations, needs_chromium
from made_video import face, make_frames, probable, summarize
from mien.emotions import EMOTIONS
from mien.report import PhotoReport, RecordReport, VideoReport, write_video_report
from mien.report import photos as photos_module
from mien.report.page import Html, fill
from mien.report.timeline import MAX_BINS, MAX_TRACKS, Timeline
from mien.results import Failure, FrameResult, ImageResult, VideoResult, VideoSummary
from mien.words import open_language

HOSTILE = "<script>alert(1)</script>\"' onerror=x \u202egpj.exe {braces} &amp;.mp4"
SPEC = mien.ModelSpec(
    name="made", onnx_sha256="ab" * 32, class_names=EMOTIONS, abstention_threshold=0.35
)


def read_text(page: str) -> str:
    body = page.split("<body>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("\u00a0", " ").split())


def report_of(seconds: float, image=None, **changes) -> str:
    report = VideoReport(SPEC, {"every_s": 0.1})
    for frame in make_frames(seconds):
        report.add(frame, image)
    return report.render(replace(summarize(seconds), **changes))


def photo_records(page: str) -> list[dict]:
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page)
    return json.loads(data)["photos"]


@pytest.fixture(scope="module")
def browser():
    yield from launch()


def open_quietly(browser, path, **settings):
    """Open a file; whatever it asks of the network or complains of ends the test."""
    page = browser.new_context(**settings).new_page()
    asked, told = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.goto(path.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert told == []
    return page


def test_everything_but_html_is_escaped():
    assert fill("<b>{a}</b>{b}", a="<i>", b=Html("<u>")) == "<b>&lt;i&gt;</b><u>"
    assert fill('"{a}"', a="\"'{b}") == '"&quot;&#x27;{b}"'


def test_shares_are_told_as_they_are():
    percent = open_language("en").percent
    assert [percent(share) for share in (0, 0.001, 0.5, 1)] == ["0%", "<1%", "50%", "100%"]


def test_a_video_is_told_in_plain_words(portrait):
    page = report_of(30, portrait, damage="the stream breaks off after 28.4 s.")
    text = read_text(page)
    assert "In this video of 30 s (512 × 512), 300 frames were analysed." in text
    assert "93% of them show a face; 2 faces could be followed" in text
    assert "the stream breaks off after 28.4 s. The readable part is shown below." in text
    assert "made (SHA-256 abababababab)" in text
    assert "every (s) 0.1" in text
    assert f"mien {mien.__version__}" in text
    assert "apparent" in text
    assert "at work or in education" in text
    assert re.search(r"happy 1 0:21.0 0:29.0 8.0 s 84%", text)
    assert page.count("<img ") == 4  # face 1 in three expressions, face 2 in one
    assert re.findall(r'alt="(Face 1 at [^"]*)"', page)[0].startswith("Face 1 at 0:0")


def test_the_distribution_counts_every_reading():
    text = read_text(report_of(30)).split("share readings ")[1].split(" Over time")[0]
    rows = dict(re.findall(r"([a-z]+) \d+% ([\d,]+)", text))
    assert set(rows) == {*EMOTIONS, "uncertain"}
    readings = sum(len(frame.faces) for frame in make_frames(30))
    assert sum(int(times.replace(",", "")) for times in rows.values()) == readings


def test_peaks_lie_where_the_expression_is_clearest_and_pictures_may_come_later(portrait):
    report = VideoReport(SPEC)
    for frame in make_frames(30):
        report.add(frame)
    times = report.wanted_times()
    assert len(times) == 4
    assert any(abs(time_s - 5) < 1 for time_s in times)  # sad is clearest at 5 s, happy at 25 s
    assert any(abs(time_s - 25) < 1 for time_s in times)
    for time_s in times:
        report.add_picture(time_s, portrait)
    assert report.wanted_times() == ()
    assert report.render(summarize(30)).count("<img ") == 4


@pytest.mark.slow
def test_pictures_are_read_from_the_video_again(tmp_path, portrait):
    av = pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 512
        for _ in range(300):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(portrait, format="rgb24")))
        container.mux(stream.encode(None))
    report = VideoReport(SPEC)
    for frame in make_frames(30):
        report.add(frame)
    report.read_pictures(path)
    assert report.wanted_times() == ()
    assert report.render(summarize(30)).count("<img ") == 4


def records_of(source):
    frames = [replace(frame, source=source).to_dict() for frame in make_frames(30)]
    return [
        json.loads(json.dumps(one)) for one in (*frames, summarize(30, source=source).to_dict())
    ]


def test_records_of_one_video_give_the_same_page_as_its_frames(tmp_path):
    report = RecordReport(tmp_path / "report.html", SPEC)
    passed = list(report.watch(records_of("clip.mp4")))
    assert len(passed) == 301
    assert report.write() == (tmp_path / "report.html",)
    text = read_text((tmp_path / "report.html").read_text("utf-8"))
    wanted = read_text(report_of(30))
    assert text.split("Over time")[0] == wanted.split("Over time")[0]
    assert text.split("Events")[1].split("made")[0] == wanted.split("Events")[1].split("made")[0]


@pytest.mark.slow
def test_records_of_photos_and_videos_give_a_gallery_and_pages(tmp_path, portrait_path, analyzer):
    report = RecordReport(tmp_path / "r.html", SPEC)
    photo = analyzer.analyze(portrait_path)
    report.add(photo.to_dict())
    report.add(replace(photo, source="gone.jpg").to_dict())
    for source in ("a/clip.mp4", "b/clip.mp4", "../<x>/"):
        for record in records_of(source):
            report.add(record)
    report.add(Failure("c.mp4", "video", "c.mp4 is no video").to_dict())
    for source in ("/data/a/clip.mp4", "film.mp4"):
        for record in records_of(source):
            report.add(record)
    names = ["r.html", "r-a-clip.mp4.html", "r-b-clip.mp4.html", "r-x.html"]
    names += ["r-a-clip.mp4-2.html", "r-film.mp4.html"]
    assert [path.name for path in report.write()] == names
    assert [path.name for path in report.write()] == names  # asked again, it writes nothing more
    records = photo_records((tmp_path / "r.html").read_text("utf-8"))
    assert ["picture" in record for record in records] == [True, False, False]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_two_videos_of_one_name_are_told_apart_by_their_folders(tmp_path):
    report = RecordReport(tmp_path / "r.html", SPEC)
    for source in ("study/baseline/P01.mp4", "study/stress/P01.mp4"):
        for record in records_of(source):
            report.add(record)
    gallery, *pages = report.write()
    for page, folder in zip(pages, ("baseline", "stress"), strict=True):
        text = page.read_text("utf-8")
        assert page.name == f"r-{folder}-P01.mp4.html"
        assert f"<title>{folder}/P01.mp4: apparent expressions over time</title>" in text
        assert f"{folder}/P01.mp4 study/{folder}/P01.mp4 In this video" in read_text(text)
    assert gallery == tmp_path / "r.html"


def test_the_gallery_links_to_the_pages_of_its_videos(tmp_path, portrait_path, analyzer):
    settings = {"detector_size": 640, "every_s": 0.2, "start_s": 0.0, "smoothing_s": 0.3}
    report = RecordReport(tmp_path / "my r?.html", SPEC, settings)
    report.add(analyzer.analyze(portrait_path).to_dict())
    for source in ("a/clip.mp4", "b/clip.mp4"):
        for record in records_of(source):
            report.add(record)
    gallery, *pages = report.write()
    html = gallery.read_text("utf-8")
    links = re.findall(r'<a href="([^"]*)">', html)
    assert [unquote(link) for link in links] == [page.name for page in pages]
    text = read_text(html)
    assert "Photos and videos" in text
    assert "a/clip.mp4 30 s · 2 faces followed shown longest: surprise" in text
    assert "detector size 640" in text
    for name in ("every", "start", "smoothing"):  # these are settings of videos
        assert f"{name} (s)" not in text
        assert f"{name} (s)" in read_text(pages[0].read_text("utf-8"))


def test_several_videos_and_no_photo_have_a_page_that_lists_them(tmp_path):
    report = RecordReport(tmp_path / "r.html", SPEC)
    for source in ("a/clip.mp4", "b/clip.mp4"):
        for record in records_of(source):
            report.add(record)
    assert [page.name for page in report.write()] == [
        "r.html",
        "r-a-clip.mp4.html",
        "r-b-clip.mp4.html",
    ]
    html = (tmp_path / "r.html").read_text("utf-8")
    assert "2 videos, each on a page of its own." in read_text(html)
    assert "Show photos with" not in html
    assert "<script" not in html


def test_no_records_at_all_give_a_page_that_says_so(tmp_path):
    assert RecordReport(tmp_path / "r.html", SPEC).write() == (tmp_path / "r.html",)
    assert "0 photos" in read_text((tmp_path / "r.html").read_text("utf-8"))


def test_a_video_without_frames_or_faces_is_told_so(tmp_path):
    empty = VideoSummary("empty.mp4", 64, 48, None, 0, 0, (), ())
    write_video_report(tmp_path / "a.html", VideoResult(empty, ()), model=SPEC)
    frames = tuple(FrameResult("b.mp4", n / 5, n, ()) for n in range(20))
    bare = replace(empty, frames=20)
    write_video_report(tmp_path / "b.html", VideoResult(bare, frames), model=SPEC)
    for name in ("a", "b"):
        text = read_text((tmp_path / f"{name}.html").read_text("utf-8"))
        assert "No face was found in any of them." in text


@pytest.mark.parametrize("box_x", [-90.0, 505.0, 4000.0, -4000.0])
def test_a_face_at_or_past_the_edge_has_a_picture_too(portrait, box_x):
    report = VideoReport(SPEC)
    report.add(FrameResult("a", 0.0, 0, (face(1, "happy", 0.9, x=box_x),)), portrait)
    assert report.render(replace(summarize(30), events=())).count("<img ") == 1


def test_a_face_that_was_never_read_breaks_nothing():
    unread = replace(
        face(1, "happy", 0.9), probabilities=None, smoothed=None, emotion=None, reason="too_small"
    )
    report = VideoReport(SPEC)
    for number in range(10):
        report.add(FrameResult("a", number / 5, number, (unread,)))
    text = read_text(report.render(replace(summarize(2), tracks=(), events=())))
    assert "none: too small 100% 10" in text


@pytest.mark.slow
def test_memory_and_page_stay_small_however_long_the_video(portrait):
    report = VideoReport(SPEC)
    for frame in make_frames(600, rate=30):
        report.add(frame, portrait)
    page = report.render(summarize(600))
    assert len(page.encode()) < 5_000_000
    assert len(report._timeline.frames) <= MAX_BINS


def test_a_crowd_is_cut_down_to_who_stays_longest():
    timeline = Timeline(EMOTIONS)
    for number in range(300):
        passer = face(100 + number, "sad", 0.8, x=300.0)
        timeline.add(FrameResult("a", number * 10.0, number, (face(1, "happy", 0.9), passer)))
    assert len(timeline.tracks) <= MAX_TRACKS
    assert 1 in timeline.longest(3)
    (segment,) = timeline.segments(1)
    assert sum(one.frames for one in segment) == 300
    assert segment[0].mean(EMOTIONS.index("happy")) == pytest.approx(0.9)


def test_a_gap_cuts_a_track_and_bins_keep_sums():
    timeline = Timeline(EMOTIONS)
    for frame in make_frames(30):
        timeline.add(frame)
    first, second = timeline.segments(1)
    assert first[-1].mean_time_s == pytest.approx(11.9, abs=timeline.width_s)
    assert second[0].mean_time_s == pytest.approx(14.1, abs=timeline.width_s)
    assert sum(one.frames for one in first + second) == sum(
        any(f.track_id == 1 for f in frame.faces) for frame in make_frames(30)
    )


def test_names_of_files_run_nothing(portrait):
    page = report_of(3, portrait, source=HOSTILE)
    assert "<script" not in page.lower().replace("&lt;script", "")
    photos = PhotoReport(SPEC, {HOSTILE: HOSTILE}, title=HOSTILE)
    photos.add(Failure(HOSTILE, "image", f"{HOSTILE} is no picture"))
    page = photos.render()
    assert page.lower().count("<script") == 2
    assert photo_records(page)[0]["name"] == HOSTILE
    assert photo_records(page)[0]["message"] == "is no picture"


def test_a_name_that_is_no_text_is_written_all_the_same(tmp_path):
    photos = PhotoReport(SPEC)
    photos.add(ImageResult("caf\udce9.jpg", 10, 10, ()))
    photos.write(tmp_path / "a.html")
    assert "caf" in (tmp_path / "a.html").read_text("utf-8")


def test_photos_are_counted_and_room_for_pictures_ends(portrait, monkeypatch):
    monkeypatch.setattr(photos_module, "PICTURE_BYTES", 30_000)
    monkeypatch.setattr(photos_module, "MAX_LISTED", 40)
    photos = PhotoReport(SPEC)
    for number in range(50):
        faces = (face(None, "happy", 0.9), face(None, "sad", 0.2)) if number % 2 else ()
        photos.add(ImageResult(f"{number}.jpg", 512, 512, faces), portrait)
    page = photos.render()
    text = read_text(page)
    assert "50 photos: 50 faces in 25 of them; 25 show no face, and 0 could not be read." in text
    assert "The first 40 of 50 photos are listed" in text
    records = photo_records(page)
    pictured = [record for record in records if "picture" in record]
    assert 0 < len(pictured) < 20
    assert f"the first {len(pictured)} photos that could be read have a picture" in text
    assert records[1]["faces"] == [["happy", 1, 0.9], ["uncertain", 1, 0.0]]


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(mien.OutputError, match="cannot be written"):
        PhotoReport(SPEC).write(tmp_path / "folder" / "report.html")


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_video_report_is_accessible_and_fits_a_phone(browser, tmp_path, portrait, scheme):
    path = tmp_path / "report.html"
    path.write_text(report_of(30, portrait, source=HOSTILE, damage="it ends."), "utf-8")
    page = open_quietly(browser, path, color_scheme=scheme, viewport={"width": 360, "height": 740})
    assert list_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert "onerror" in page.inner_text("h1")
    page.locator("summary").first.press("Enter")
    assert page.locator("details[open] tbody tr").count() > 10
    # No column of any table is cut off: nothing has to be scrolled sideways.
    tables = "all => all.map(one => one.scrollWidth - one.clientWidth)"
    assert set(page.locator(".scroll").evaluate_all(tables)) == {0}
    assert "does not know what anyone feels" in page.inner_text(".note")


@pytest.mark.slow
@needs_chromium
def test_a_gallery_filters_searches_and_shows_more(browser, tmp_path, portrait):
    photos = PhotoReport(SPEC, title=HOSTILE)
    for number in range(150):
        if number == 7:
            photos.add(Failure("7.jpg", "image", "7.jpg is empty, expected a picture"))
        else:
            emotion = "happy" if number % 3 else "sad"
            faces = () if number % 10 == 9 else (face(None, emotion, 0.4 + number / 300),)
            photos.add(ImageResult(f"{HOSTILE}{number}.jpg", 512, 512, faces), portrait)
    path = tmp_path / "gallery.html"
    photos.write(path)
    page = open_quietly(browser, path, viewport={"width": 768, "height": 900})
    items = page.locator("#photos > li")
    assert items.count() == 60
    assert list_violations(page) == []
    page.click("#more")
    assert items.count() == 120
    page.get_by_role("radio", name="no face").check()
    assert items.count() == 15
    page.get_by_role("radio", name="failed").check()
    assert "is empty, expected a picture" in items.first.inner_text()
    page.get_by_role("radio", name="happy").check()
    page.select_option("#order", "sure")
    assert "89%" in items.first.inner_text()  # 148: 0.4 + 148 / 300
    page.fill("#text", "no such photo")
    assert page.inner_text("#shown").startswith("No photo matches.")
    assert items.count() == 0


@pytest.mark.slow
@needs_chromium
def test_a_gallery_of_many_photos_is_quick_to_filter(browser, tmp_path):
    photos = PhotoReport(SPEC)
    for number in range(20_000):
        photos.add(ImageResult(f"{number}.jpg", 9, 9, (face(None, EMOTIONS[number % 7], 0.9),)))
    path = tmp_path / "many.html"
    photos.write(path)
    page = open_quietly(browser, path)
    page.get_by_role("radio", name="sad").check()
    assert "60 of 2,857 photos shown" in page.inner_text("#shown")


def test_probabilities_of_other_classes_are_drawn_too():
    spec = mien.ModelSpec(name="own", onnx_sha256="cd" * 32, class_names=("calm", "alert"))
    values = {"calm": 0.8, "alert": 0.2}
    one = replace(face(1, "happy", 0.9), probabilities=values, smoothed=values, emotion="calm")
    report = VideoReport(spec)
    for number in range(20):
        report.add(FrameResult("a", number / 5, number, (one,)))
    summary = replace(summarize(4), events=(), tracks=())
    page = report.render(summary)
    assert "calm" in read_text(page)
    assert np.isclose(sum(probable("sad", 0.5).values()), 1)
