"""What a command line names becomes the same stream of files, in the same order, every time."""

import io
import os
from pathlib import Path

import pytest

import pictures
from mien.batch.sources import Source, Sources
from mien.errors import ConfigError

JPEG = pictures.in_every_format()["jpeg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them."""
    top = tmp_path / "photos"
    files = {
        "b.JPG": JPEG,
        "a.jpg": JPEG,
        "a/inner.png": JPEG,
        "a/clip.mp4": b"\x00\x00\x00\x20ftypisom",
        "a/deep/er/x.webp": JPEG,
        "without ending": JPEG,
        "notes.txt": b"not a picture",
        "broken.jpg": b"not a picture",
        ".hidden.jpg": JPEG,
        ".hidden/y.jpg": JPEG,
    }
    for name, data in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


WANTED = [
    "a/clip.mp4",
    "a/deep/er/x.webp",
    "a/inner.png",
    "a.jpg",
    "b.JPG",
    "broken.jpg",
    "without ending",
]


def paths(sources: Sources) -> list[str]:
    return [source.path for source in sources]


def test_a_folder_stands_for_the_pictures_and_videos_below_it(folder: Path) -> None:
    sources = Sources([str(folder)])
    found = list(sources)
    assert [source.below for source in found] == WANTED
    assert [source.path for source in found] == [str(folder / name) for name in WANTED]
    assert sources.left_out == 1  # notes.txt
    assert list(sources) == found  # and again
    assert sources.left_out == 1


def test_links_to_folders_do_not_lead_in_circles(folder: Path) -> None:
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "gone.jpg").symlink_to("nowhere")
    found = [source.below for source in Sources([str(folder)])]
    assert found == sorted([*WANTED, "gone.jpg"], key=[*WANTED[:6], "gone.jpg", WANTED[6]].index)
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert len(paths(Sources([str(link)]))) == len(found)  # one that is named is followed


def test_folders_that_the_run_writes_are_passed_over(folder: Path) -> None:
    found = [source.below for source in Sources([str(folder)], without=[folder / "a"])]
    assert found == [name for name in WANTED if not name.startswith("a/")]


def test_names_keep_their_order_and_may_repeat(folder: Path) -> None:
    b, a = str(folder / "b.JPG"), str(folder / "a.jpg")
    assert paths(Sources([b, a, b, "missing.jpg"])) == [b, a, b, "missing.jpg"]


def test_patterns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert paths(Sources(["**/*.[pw]*"])) == ["a/deep/er/x.webp", "a/inner.png"]
    assert paths(Sources(["*.jpg"])) == ["a.jpg", "broken.jpg"]
    (problem,) = Sources(["*.gif"])
    assert problem.problem == "*.gif matches no file"
    Path("[a].jpg").write_bytes(JPEG)
    assert paths(Sources(["[a].jpg"])) == ["[a].jpg"]  # a file of that name, before a pattern
    url = "https://example.org/a.jpg?x=1"
    assert paths(Sources([url])) == [url]


def test_patterns_do_not_lead_in_circles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for loop in (Path("loop"), Path("a/loop"), Path("a/deep/loop")):
        loop.symlink_to(folder)
    assert paths(Sources(["**/a.jpg"])) == ["a.jpg"]
    assert paths(Sources(["**/**/inner.png"])) == ["a/inner.png"]
    assert paths(Sources(["loop/**/a.jpg"])) == ["loop/a.jpg"]  # one that is named is followed
    assert paths(Sources(["*/a.jpg"])) == ["loop/a.jpg"]


def test_patterns_pass_over_what_the_run_writes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    without = [folder / "a"]
    assert paths(Sources(["**/*.[jpw]*"], without=without)) == ["a.jpg", "broken.jpg"]
    (problem,) = Sources(["*/inner.png"], without=without)
    assert problem.problem == "*/inner.png matches no file"
    assert paths(Sources(["a/*.png"], without=without)) == ["a/inner.png"]  # it was named
    assert paths(Sources(["**/inner.png"], without=[folder])) == ["a/inner.png"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
def test_lists(end: str, folder: Path) -> None:
    names = [str(folder / "b.JPG"), "a name, with spaces.jpg", "*.jpg", str(folder / "a")]
    listed = io.BytesIO(end.join(names).encode() + end.encode() * 2)
    found = paths(Sources([], listed=io.BufferedReader(listed)))  # type: ignore[arg-type]
    assert found == [*names[:3], *[str(folder / name) for name in WANTED[:3]]]


def test_a_list_may_be_long_and_a_file(tmp_path: Path) -> None:
    names = [f"{number:05d}.jpg" for number in range(20_000)]
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(names).encode())
    assert paths(Sources([], listed=path)) == names


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        list(Sources([], listed=tmp_path / "missing"))
    path = tmp_path / "picture.jpg"
    path.write_bytes(JPEG)
    with pytest.raises(ConfigError, match="expected a list of paths"):
        list(Sources([], listed=path))


def test_stdin_is_a_picture_only_where_it_is_named() -> None:
    assert list(Sources(["-"])) == [Source("-", "stdin")]
    assert paths(Sources([], listed=io.BytesIO(b"-\n"))) == ["./-"]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (problem,) = Sources([str(tmp_path)])
    assert problem.problem == f"{tmp_path} is a folder without pictures or videos"


def test_a_folder_that_may_not_be_read_is_told(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / "a").chmod(0)
    try:
        problems = [source for source in Sources([str(folder)]) if source.problem]
    finally:
        (folder / "a").chmod(0o755)
    assert [problem.below for problem in problems] == ["a"]
    assert "cannot be read" in str(problems[0].problem)


@pytest.mark.slow
def test_folders_may_be_nested_deeply(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(400):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "x.jpg").write_bytes(JPEG)
    assert paths(Sources([str(tmp_path)])) == [str(deep / "x.jpg")]
