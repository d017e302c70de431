"""A run over many files keeps order, survives whatever stops it, and gives one table."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from mien.batch.engine import AHEAD, Engine
from mien.batch.journal import Journal
from mien.batch.outputs import plan_output, skip_done, write_output
from mien.batch.sources import Source
from mien.batch.tally import MAX_REASONS, OTHER, Tally, describe_reason
from mien.cli import main
from mien.emotions import EMOTIONS
from mien.errors import ConfigError, OutputError
from mien.results import Failure, FrameResult, ImageResult, VideoSummary

SMALL = ("--detector-size", "160")
"""What small photos need, and quick tests."""
RUN = {"model": "abc", "min_score": 0.7}


@pytest.fixture
def photos(tmp_path: Path, portrait: np.ndarray) -> Path:
    """A folder of 60 small photos, a few without a face and a few broken."""
    folder = tmp_path / "photos"
    rng = np.random.default_rng(0)
    for number in range(60):
        left, top = rng.integers(100, 160), rng.integers(20, 50)
        image = Image.fromarray(portrait[top : top + 200, left : left + 180])
        path = folder / f"{number % 3}" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 10 == 3:
            path.write_bytes(b"")
        elif number % 10 == 7:
            Image.new("RGB", (64, 64), "teal").save(path)
        else:
            image.resize((120, 133)).save(path)
    return folder


def no_video(source: Source) -> Iterator[Failure]:
    yield Failure(source.name, "video", f"{source.name} is a video")


def list_photos(folder: Path) -> list[Source]:
    return [Source(str(path), path.name) for path in sorted(folder.rglob("*.png"))]


# --- the engine ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_engine_gives_what_one_by_one_gives(analyzer: mien.Analyzer, photos: Path) -> None:
    sources = list_photos(photos)
    given = list(Engine(analyzer, no_video, threads=3).read(sources))
    assert [source for source, _ in given] == sources
    alone = list(analyzer.analyze_many([source.path for source in sources]))
    assert [result for _, result in given] == alone
    assert sum(isinstance(result, Failure) for result in alone) == 6


def test_the_engine_takes_sources_as_results_are_asked_for(analyzer: mien.Analyzer) -> None:
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        while True:
            taken += 1
            yield Source("missing.jpg", "missing.jpg")

    results = Engine(analyzer, no_video, threads=2).read(endless())
    for _ in range(100):
        next(results)
    assert taken <= 100 + 2 * 32 + 2 * AHEAD + 32
    before = threading.active_count()
    results.close()
    assert threading.active_count() < before


def test_videos_are_read_where_their_turn_comes(
    analyzer: mien.Analyzer, portrait_path: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(64))

    def watch(source: Source) -> Iterator[FrameResult | VideoSummary]:
        yield FrameResult(source.name, 0.0, 0, ())
        yield VideoSummary(source.name, 4, 3, 1.0, 1, 0, (), ())

    photo = Source(str(portrait_path), "p")
    sources = [photo, Source(str(clip), "c"), photo, photo, Source(str(clip), "c")]
    kinds = [type(result) for _, result in Engine(analyzer, watch, threads=2).read(sources)]
    video = [FrameResult, VideoSummary]
    assert kinds == [ImageResult, *video, ImageResult, ImageResult, *video]


@pytest.mark.slow
def test_a_face_has_the_same_figures_in_any_company() -> None:
    recognizer = mien.Recognizer("accurate", threads=1)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (33, 48, 48), dtype=np.uint8)
    together = recognizer.predict_probabilities(faces)
    for size in (1, 2, 7, 16):
        parts = [
            recognizer.predict_probabilities(faces[start : start + size])
            for start in range(0, len(faces), size)
        ]
        assert np.array_equal(np.concatenate(parts).round(8), together.round(8))


# --- the journal ---------------------------------------------------------------------------------


def photo(name: str) -> ImageResult:
    return ImageResult(name, 4, 3, ())


def write_journal(path: Path, *results: object) -> None:
    with Journal(path, RUN) as journal:
        for result in results:
            journal.append(result)  # type: ignore[arg-type]


def names(path: Path) -> list[str]:
    with Journal(path, RUN) as journal:
        return list(journal.names())


def test_a_journal_is_found_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "t.csv.partial"
    results = [photo("a.jpg"), Failure("b.jpg", "image", "b.jpg is empty"), photo("日本\n.jpg")]
    write_journal(path, *results)
    with Journal(path, RUN) as journal:
        assert journal.resumed == 3
        assert list(journal.names()) == ["a.jpg", "b.jpg", "日本\n.jpg"]
        journal.append(photo("d.jpg"))
        assert list(journal.names()) == ["a.jpg", "b.jpg", "日本\n.jpg"]  # what was there before
        assert [record["source"] for record in journal.records()][3:] == ["d.jpg"]


def test_any_torn_end_is_cut_off(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    write_journal(whole, photo("a.jpg"), photo("b.jpg"))
    data = whole.read_bytes()
    ends = [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
    for length in range(len(data) + 1):
        torn.write_bytes(data[:length])
        kept = max(0, sum(end <= length for end in ends) - 1)
        assert names(torn) == ["a.jpg", "b.jpg"][:kept], length
        assert torn.read_bytes() == data[: ends[kept]]
    torn.write_bytes(data + bytes(4096))  # as a power failure leaves a file
    assert names(torn) == ["a.jpg", "b.jpg"]
    assert torn.read_bytes() == data


def test_frames_without_a_summary_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "t"
    frames = [FrameResult("v.mp4", 0.2 * number, number, ()) for number in range(9)]
    write_journal(path, photo("a.jpg"), *frames)
    assert names(path) == ["a.jpg"]
    summary = VideoSummary("v.mp4", 4, 3, 1.8, 9, 0, (), ())
    write_journal(path, *frames, summary, photo("b.jpg"))
    assert names(path) == ["a.jpg", "v.mp4", "b.jpg"]


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_journal(path, photo("a.jpg"))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"started with min_score 0\.7, but now it is 0\.5"):
        Journal(path, {**RUN, "min_score": 0.5})
    assert path.read_bytes() == before
    others = [b'{"source": "a.jpg"}\n', b"x" * 100_000, b"my notes\non faces\n", b"notes"]
    for other in (*others, b'{"a": 1}', b'{\n"journal": 1}', before[:40] + b"\n", bytes(99)):
        path.write_bytes(other)
        with pytest.raises(ConfigError, match="not a journal"):
            Journal(path, RUN)
        assert path.read_bytes() == other


def test_two_runs_do_not_write_to_one_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "t", RUN), pytest.raises(ConfigError, match="another run"):
        Journal(tmp_path / "t", RUN)
    assert names(tmp_path / "t") == []


def test_a_device_is_no_journal() -> None:
    with pytest.raises(ConfigError, match="not a journal"):
        Journal(Path("/dev/full"), RUN)


def test_what_is_done_is_left_out(tmp_path: Path) -> None:
    write_journal(tmp_path / "t", *map(photo, ("a", "b", "b", "d")))

    def left(*wanted: str) -> list[str]:
        with Journal(tmp_path / "t", RUN) as journal:
            return [source.path for source in skip_done((Source(n, n) for n in wanted), journal)]

    assert left("a", "b", "b", "d") == []
    assert left("a", "b", "b", "d", "e", "a") == ["e", "a"]
    assert left("a", "0", "b", "b", "c", "d", "e") == ["0", "c", "e"]  # files were added
    assert left("b", "b", "b", "d") == ["b"]  # one was taken away, one is named once more


# --- outputs -------------------------------------------------------------------------------------


def test_an_output_is_known_by_its_ending(tmp_path: Path) -> None:
    for name in ("t.jsonl", "t.CSV", "t.parquet"):
        assert plan_output(tmp_path / name) == (tmp_path / name, None)
    (tmp_path / "folder.v2").mkdir()
    for name in ("new", "folder.v2"):
        assert plan_output(tmp_path / name) == (tmp_path / name / "results.jsonl", tmp_path / name)
    for name in ("t.xlsx", "t.json", "t.jpg"):
        with pytest.raises(ConfigError, match=r"\.jsonl, \.csv, \.parquet"):
            plan_output(tmp_path / name)


def test_an_output_comes_with_a_list_of_failures(tmp_path: Path) -> None:
    broken = VideoSummary("v.mp4", 4, 3, 1.0, 0, 0, (), (), "v.mp4 is damaged after 0.4 s")
    results = [photo("a"), Failure("b,c", "image", 'b,c is "text"'), broken]
    path = tmp_path / "t.csv.partial"
    write_journal(path, *results)
    with Journal(path, RUN) as journal:
        tally, _ = write_output(journal, tmp_path / "t.csv", EMOTIONS)
    assert (tally.read, tally.videos, tally.damaged, tally.failed) == (2, 1, 1, 1)
    assert (tally.sources, tally.without_face, tally.is_complete) == (3, 2, False)
    with (tmp_path / "t.failed.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["source", "kind", "message"],
            ["b,c", "image", 'b,c is "text"'],
            ["v.mp4", "video", "v.mp4 is damaged after 0.4 s"],
        ]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["t.csv", "t.failed.csv"]
    write_journal(path, photo("a"))
    with Journal(path, RUN) as journal:
        write_output(journal, tmp_path / "t.csv", EMOTIONS)
    assert [item.name for item in tmp_path.iterdir()] == ["t.csv"]  # nothing failed


def test_an_output_that_cannot_be_written_keeps_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.partial"
    write_journal(path, photo("a"))
    (tmp_path / "t.csv").mkdir()
    with Journal(path, RUN) as journal, pytest.raises(OutputError, match="kept in"):
        write_output(journal, tmp_path / "t.csv", EMOTIONS)
    assert names(path) == ["a"]


def test_reasons_are_counted_without_what_is_particular() -> None:
    messages = [
        "x/a.jpg is damaged or incomplete (image file is truncated (12 bytes not processed)); save",
        "x/a.jpg is damaged or incomplete (broken data stream); save or upload it again",
    ]
    assert {describe_reason("x/a.jpg", m) for m in messages} == {"is damaged or incomplete"}
    tally = Tally()
    for number in range(100):
        failure = Failure(f"{number}.jpg", "image", f"{number}.jpg is odd in way {number}")
        tally.add(failure.to_dict())
    assert len(tally.reasons) == MAX_REASONS + 1
    assert tally.reasons[OTHER] == 100 - MAX_REASONS


# --- the command ---------------------------------------------------------------------------------


def call(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "mien", "analyze", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_of_a_folder(
    ending: str, photos: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    output = tmp_path / "new" / f"faces.{ending}"
    arguments = ["analyze", str(photos), "--output", str(output), "--model", str(tiny_model)]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("54 read, 6 without a face, 6 failed")
    assert "6  is empty, expected a picture" in err
    assert f"results: {output}" in err
    assert f"what failed: {output.with_name('faces.failed.csv')}" in err
    kept = [f"faces.{ending}", "faces.failed.csv"]
    assert sorted(path.name for path in output.parent.iterdir()) == sorted(kept)
    wanted = [source.path for source in list_photos(photos)]
    if ending == "parquet":
        pd = pytest.importorskip("pandas")
        found = list(pd.read_parquet(output)["source"])
    elif ending == "csv":
        with output.open(newline="", encoding="utf-8") as file:
            found = [row["source"] for row in csv.DictReader(file)]
    else:
        lines = output.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line)["source"] for line in lines]
    assert found == wanted


@pytest.mark.slow
def test_a_folder_gets_annotated_copies_and_results(
    photos: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    output = tmp_path / "drawn"
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    arguments = ["analyze", str(photos), "--output", str(output), "--model", str(tiny_model)]
    assert main(arguments) == 1
    drawn = sorted(str(path.relative_to(output)) for path in output.rglob("*.jpg"))
    read = [path for path, data in before.items() if data]
    wanted = [path.relative_to(photos).with_suffix("") for path in read]
    assert drawn == sorted(f"{path}-annotated.jpg" for path in wanted)
    assert len((output / "results.jsonl").read_text().splitlines()) == 60
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before


@pytest.mark.slow
def test_a_report_beside_a_table(photos: Path, tiny_model: Path, tmp_path: Path, capsys) -> None:
    given = ["analyze", str(photos), *SMALL, "--model", str(tiny_model)]
    page = tmp_path / "look.html"
    assert main([*given, "--output", str(tmp_path / "t.csv"), "--report", str(page)]) == 1
    assert f"report: {page}" in capsys.readouterr().err
    first = page.read_text(encoding="utf-8")
    assert "60 photos" in first
    assert main([*given, "--json", "--report", str(tmp_path / "again.html")]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 60
    assert abs((tmp_path / "again.html").stat().st_size - len(first.encode())) < 200
    assert main([*given, "--report", str(tmp_path / "t.pdf")]) == 2
    assert "ends in .html" in capsys.readouterr().err


def test_copies_are_not_read_as_photos(
    portrait_path: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(portrait_path.read_bytes())
    arguments = ["analyze", str(folder), "--model", str(tiny_model), "--json", "--annotate"]
    for _ in range(2):
        assert main([*arguments, str(folder / "drawn")]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1
    assert main([*arguments, str(folder)]) == 2
    assert "cannot go there" in capsys.readouterr().err


def test_a_copy_whose_name_is_too_long_is_one_failure(
    portrait_path: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    folder, output = tmp_path / "photos", tmp_path / "drawn"
    folder.mkdir()
    for name in ("a" * 236, "b" * 246, "c"):  # names may have 255 bytes
        (folder / f"{name}.jpg").write_bytes(portrait_path.read_bytes())
    given = ["analyze", str(folder), "--output", str(output), "--model", str(tiny_model)]
    assert main(given) == 1
    assert "2 read, 0 without a face, 1 failed" in capsys.readouterr().err
    drawn = sorted(path.name for path in output.glob("*.jpg"))
    assert drawn == [f"{'a' * 236}-annotated.jpg", "c-annotated.jpg"]
    failed = (output / "results.failed.csv").read_text(encoding="utf-8")
    assert "bbb.jpg was read, but its copy's name is too long; rename the source" in failed


def test_copies_do_not_fit_a_pattern(
    portrait_path: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").write_bytes(portrait_path.read_bytes())
    for _ in range(2):
        assert main(["analyze", "**/*.jpg", "--output", "drawn", "--model", str(tiny_model)]) == 0
        assert len(Path("drawn/results.jsonl").read_text().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["*.jpg", "--annotate", "."],
        ["*.jpg", "--output", "."],
        ["*.jpg", "--annotate", "a-annotated.jpg"],
        ["a.jpg", "link.jpg", "--annotate", "."],
        ["clip.mkv", "clip-annotated.mp4", "--annotate", "."],
        ["--from-list", "photos.txt", "--annotate", "."],
        ["--from-list", "clips.txt", "--annotate", ".", "--output", "t.csv"],
        ["--from-list", "/dev/stdin", "--annotate", "."],
        ["sub", "a.jpg", "--annotate", "sub/a-annotated.jpg"],
        ["a.jpg", "sub", "--annotate", "sub/below/.."],
    ],
)
def test_what_is_read_is_never_written_over(
    arguments: list[str], portrait_path: Path, tiny_model: Path, tmp_path: Path
) -> None:
    photo, listed = portrait_path.read_bytes(), [f"missing{number}.jpg\n" for number in range(99)]
    files = {
        **dict.fromkeys(("a.jpg", "a-annotated.jpg", "sub/a-annotated.jpg"), photo),
        **dict.fromkeys(("clip.mkv", "clip-annotated.mp4"), b"\x1aE\xdf\xa3 no video"),
        "photos.txt": "".join(["a.jpg\n", *listed, "a-annotated.jpg"]).encode(),
        "clips.txt": "".join(["clip.mkv\n", *listed, "clip-annotated.mp4"]).encode(),
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link.jpg").symlink_to("a-annotated.jpg")
    given = [*arguments, *SMALL, "--model", tiny_model]
    done = call(*given, cwd=tmp_path, input=files["photos.txt"].decode())
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert left == {*files, "link.jpg"}
    assert all((tmp_path / name).read_bytes() == data for name, data in files.items())


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_killed_run_goes_on_to_the_same_table(
    ending: str, photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    whole, broken = tmp_path / f"whole.{ending}", tmp_path / f"broken.{ending}"
    given = [photos, photos, *SMALL, "--model", tiny_model, "--output"]
    assert call(*given, whole).returncode == 1
    journal = broken.with_name(f"{broken.name}.partial")
    words = [sys.executable, "-m", "mien", "analyze", *map(str, given), str(broken)]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (journal.exists() and journal.stat().st_size > 9000):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert journal.exists()
    assert not broken.exists()
    with journal.open("ab") as file:
        file.write(b'{"schema": 1, "sour')  # as a kill within a write leaves it
    done = call(*given, broken)
    assert done.returncode == 1
    assert "were read by an earlier run" in done.stderr
    assert broken.read_bytes() == whole.read_bytes()
    assert done.stderr.startswith("108 read, 12 without a face, 12 failed")


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_read(photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "t.jsonl"
    journal = output.with_name("t.jsonl.partial")
    given = [photos] * 40 + [*SMALL, "--model", tiny_model, "--output", output]
    words = [sys.executable, "-m", "mien", "analyze", *map(str, given)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (journal.exists() and journal.stat().st_size > 9000):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.startswith("mien: stopped; results so far are in ")
    assert told.count("\n") == 1
    assert journal.stat().st_size > 9000
    assert not output.exists()


@pytest.mark.slow
def test_a_full_disk_keeps_what_was_read(photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "t.csv"

    def limit() -> None:  # stands for a disk that is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000))

    given = [photos, photos, *SMALL, "--model", tiny_model, "--output", output]
    done = call(*given, preexec_fn=limit)
    assert done.returncode == 2
    assert "t.csv.partial cannot be written (File too large)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not output.exists()
    assert call(*given).stderr.startswith("108 read, 12 without a face, 12 failed")


def test_a_run_with_other_settings_does_not_go_on(
    portrait_path: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    output = tmp_path / "t.csv"
    write_journal(tmp_path / "t.csv.partial", photo("a.jpg"))
    given = ["analyze", str(portrait_path), "--model", str(tiny_model), "--output", str(output)]
    assert main(given) == 2
    err = capsys.readouterr().err
    assert "was started with" in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_lists_on_standard_input(portrait_path: Path, tiny_model: Path) -> None:
    listed = f"{portrait_path}\0missing.jpg\0"
    done = call("--from-list", "-", "--json", "--model", tiny_model, input=listed)
    assert done.returncode == 1
    sources = [json.loads(line)["source"] for line in done.stdout.splitlines()]
    assert sources == [str(portrait_path), "missing.jpg"]


def test_a_folder_whose_name_is_no_text_is_told(tiny_model: Path, tmp_path: Path, capsys) -> None:
    folder, output = tmp_path / os.fsdecode(b"caf\xe9"), tmp_path / "t.csv"
    folder.mkdir()
    places = [str(folder), str(folder / "*.jpg")]
    assert main(["analyze", *places, "--output", str(output), "--model", str(tiny_model)]) == 1
    failed = (tmp_path / "t.failed.csv").read_text(encoding="utf-8")
    assert "caf\\udce9 is a folder without pictures or videos" in failed
    assert "caf\\udce9/*.jpg matches no file" in failed


@pytest.mark.slow
def test_a_list_that_is_a_pipe_is_read_once(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, on which the sources are counted too
    names = [f"{number:05d}.jpg" for number in range(20_000)]
    pipe, output = tmp_path / "pipe", tmp_path / "t.jsonl"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=("\n".join(names),), daemon=True).start()
    given = ["--from-list", str(pipe), "--output", str(output), "--model", str(tiny_model)]
    assert main(["analyze", *given]) == 1
    lines = output.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["source"] for line in lines] == names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.jpg", "--output", "t.xlsx"], ".jsonl, .csv, .parquet"),
        (["a.jpg", "--output", "new", "--annotate", "x"], "already"),
        (["-", "--from-list", "-"], "only once"),
        (["-", "-"], "only once"),
        (["--from-list", "missing.txt"], "cannot be read"),
        (["a.jpg", "--every", "often"], "or frame"),
        (["a.jpg", "--every", "0"], "above 0"),
        (["a.jpg", "--start", "x"], "--start 'x' is not a valid time"),
        (["a.jpg", "--start", "2", "--end", "1:00.5x"], "--end"),
        (["a.jpg", "--start", "1:00", "--end", "2"], "after --start"),
        (["a.jpg", "--outptu", "t.csv"], "did you mean --output?"),
    ],
)
def test_usage_errors(arguments: list[str], words: str, tmp_path: Path, capsys) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["analyze", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mien: ")
    assert err.count("\n") == 1
    assert words in err
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_run_that_cannot_begin_speaks_of_no_results(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written") as told:
        Journal(tmp_path / "file" / "t.csv.partial", {})
    assert "kept" not in str(told.value)
