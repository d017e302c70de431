"""Compare the processor time of reading photos with that of another commit.

Command: python benchmarks/against_commit.py COMMIT

`mien analyze` reads folders of photos with the code of COMMIT, in a worktree of its own, and with
this code, in turn, in rounds. The photos are made from the sample photo: the mix of sizes of
many_files.py, and three fixed sizes. One more photo, the sample itself, is read with `--json`,
which is mostly start-up. A ratio is the processor time of COMMIT over that of this code, all
threads together: the median over the rounds of the two runs in a round. The networks are those of
this checkout, and the outputs are compared byte by byte.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

import many_files
from machine import write_result

ROOT = Path(__file__).parent.parent
ASSETS = Path("src/mien/assets")
ROUNDS = 3
SIZES = {"250 x 250": 100, "1920 x 1080": 40, "4000 x 3000": 16}
"""Photos of each fixed size."""
MIXED = 100
"""Photos of 400 to 1,280 pixels."""


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out into a folder, with this checkout's networks."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        for path in (ROOT / ASSETS).glob("*.onnx"):
            (folder / ASSETS / path.name).write_bytes(path.read_bytes())
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def make_folders(place: Path) -> dict[str, Path]:
    """Write the photos, a folder for each size."""
    folders = {"400 to 1280 px": place / "mixed", **{size: place / size for size in SIZES}}
    for folder in folders.values():
        folder.mkdir(parents=True)

    (place / "mixed" / "00").mkdir()
    many_files.FOLDERS = 1
    for number in range(MIXED):
        many_files.make_photo(place / "mixed", number + 1)

    with Image.open(many_files.SAMPLE) as image:
        sample = image.convert("RGB")
    for size, count in SIZES.items():
        width, height = map(int, size.split(" x "))
        for number in range(count):
            # The person moves a little from photo to photo, at the left of the frame.
            cut = sample.crop((number % 40, number % 30, 440 + number % 60, 440 + number % 50))
            photo = Image.new("RGB", (width, height), (70, 90, 110))
            photo.paste(cut.resize((height, height), Image.Resampling.BICUBIC))
            photo.save(folders[size] / f"{number:03d}.jpg", quality=90)
    return folders


def read(code: Path, *arguments: str) -> tuple[float, bytes]:
    """Run `mien analyze` with one code; return its processor time in seconds, and its output."""
    environment = os.environ | {"PYTHONPATH": str(code / "src")}
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "mien", "analyze", *arguments, "--json"]
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return used.ru_utime + used.ru_stime, output.read()


def compare(then: Path, sources: dict[str, str], photos: dict[str, int]) -> dict[str, Any]:
    """Read each source with both codes, in turn."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in sources}
    same = dict.fromkeys(sources, True)
    for _ in range(ROUNDS):
        for name, source in sources.items():
            (before, wanted), (after, got) = read(then, source), read(ROOT, source)
            seconds[name].append((before, after))
            same[name] &= wanted == got
    return {
        name: {
            "photos": photos.get(name, 1),
            "processor_s_then": round(statistics.median(pair[0] for pair in pairs), 3),
            "processor_s_now": round(statistics.median(pair[1] for pair in pairs), 3),
            "ratio": round(statistics.median(then / now for then, now in pairs), 2),
            "ratios": sorted(round(then / now, 2) for then, now in pairs),
            "same_output": same[name],
        }
        for name, pairs in seconds.items()
    }


def main() -> None:
    """Make the photos, and compare."""
    (commit,) = sys.argv[1:]
    with (
        tempfile.TemporaryDirectory() as place,
        checked_out(commit, Path(place) / "then") as then,
    ):
        folders = make_folders(Path(place) / "photos")
        sources = {"start and one photo": str(many_files.SAMPLE)}
        sources |= {name: str(folder) for name, folder in folders.items()}
        figures = compare(then, sources, {"400 to 1280 px": MIXED} | SIZES)
    write_result(__file__, ("numpy", "onnxruntime", "pillow"), figures)


if __name__ == "__main__":
    main()
