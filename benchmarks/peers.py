"""Compare mien with other libraries for facial expressions: accuracy, speed, first answer, size.

Command: python benchmarks/peers.py --data fer2013.zip --votes ferplus_votes.csv --photos people.zip
    --fer ENV/bin/python --human FOLDER [--faces 3589] [--photo-count 300] [--rounds 3]

All read the same faces (FER2013's PrivateTest, 48 x 48) and the same whole photos,
each with its own detector, as `benchmarks/people.py` describes them; the rounds of all libraries
alternate. The first round reads everything, for the accuracy; the others repeat the timed part.
`--faces 500 --photo-count 60 --rounds 1` is a quick run. The files in benchmarks/peers/
say what each environment needs. Libraries that fetch their weights from the network at first use
(deepface, py-feat) are not measured: nothing here reads from the network.
"""

import argparse
import csv
import io
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from machine import write_result
from mien.data.votes import FER_PLUS_WORDS
from mien.model.recognizer import ASSETS
from mien.model.spec import ModelSpec

OWN: Final = ("accurate", "fast", "fer2013")
HERE: Final = Path(__file__).parent / "peers"
TIMED: Final = 200
"""Faces that are timed, one at a time; the others only count for accuracy."""
TIMED_PHOTOS: Final = 60
"""Photos that rounds after the first read."""


def main() -> None:
    """Measure every library that was named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--votes", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--fer", type=Path)
    parser.add_argument("--human", type=Path)
    parser.add_argument("--faces", type=int, default=3589)
    parser.add_argument("--photo-count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        labels, votes = write_faces(given.data, given.votes, given.faces, work)
        photos = write_photos(given.photos, given.photo_count, work)
        commands = list_commands(given.fer, given.human)
        found: dict[str, dict[str, Any]] = {name: {} for name in commands}
        for number in range(given.rounds):
            for name, command in commands.items():
                measure(command, work, found[name], is_first=number == 0)
    figures = {
        name: judge(one, labels, votes, photos) | {"model_mb": size_mb(name, given)}
        for name, one in found.items()
    }
    write_result(
        __file__,
        ("onnxruntime", "numpy", "pillow"),
        {
            "versions": find_versions(given.fer, given.human),
            "faces": len(labels),
            "photos": len(photos),
            "rounds": given.rounds,
            "peers": figures,
        },
        models=OWN,
    )


def list_commands(fer: Path | None, human: Path | None) -> dict[str, list[str]]:
    """Return each library's command, without the kind and the files."""
    commands = {
        f"mien {model}": [sys.executable, str(HERE / "read_mien.py"), model] for model in OWN
    }
    if fer is not None:
        commands["fer (LiteRT)"] = [str(fer), "-W", "ignore", str(HERE / "read_fer.py")]
    if human is not None:
        commands["human (WebAssembly)"] = ["node", str(HERE / "read_human.mjs"), str(human)]
    return commands


def find_versions(fer: Path | None, human: Path | None) -> dict[str, str]:
    """Return the versions of the other libraries."""
    versions = {}
    if fer is not None:
        code = "from importlib.metadata import version; print(version('fer'))"
        done = subprocess.run([str(fer), "-c", code], check=True, capture_output=True, text=True)
        versions["fer"] = done.stdout.strip()
    if human is not None:
        package = human / "node_modules" / "@vladmandic" / "human" / "package.json"
        versions["human"] = json.loads(package.read_text(encoding="utf-8"))["version"]
    return versions


def write_faces(
    data: Path, votes: Path, count: int, work: Path
) -> tuple[list[str], list[str | None]]:
    """Write PrivateTest's faces for all libraries.

    Returns:
        For each face FER2013's label, and the plurality of people's votes; None where the most
        votes are for none of the seven classes, or are shared by two.
    """
    with votes.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    with zipfile.ZipFile(data) as archive:
        names = sorted(name for name in archive.namelist() if "PrivateTest" in name)
        names = names[:: max(1, len(names) // count)]  # evenly over the classes
        pictures = [Image.open(io.BytesIO(archive.read(name))).convert("L") for name in names]
    faces = np.stack([np.asarray(picture) for picture in pictures])
    np.save(work / "faces.npy", faces)
    (work / "faces.raw").write_bytes(faces.tobytes())
    for few, length in (("first", 1), ("timed", TIMED)):
        np.save(work / f"{few}.npy", faces[:length])
        (work / f"{few}.raw").write_bytes(faces[:length].tobytes())
    return [Path(name).parent.name for name in names], [
        find_plurality(rows.get("/".join(Path(name).parts[-3:]))) for name in names
    ]


def find_plurality(row: dict[str, str] | None) -> str | None:
    """Return the class with the most votes, if it is one of the seven and alone."""
    if row is None:
        return None
    counts = {name: float(value) for name, value in row.items() if name != "path"}
    most = [name for name, value in counts.items() if value >= max(counts.values())]
    words = {column: name for name, column in FER_PLUS_WORDS.items()}
    return words.get(most[0]) if len(most) == 1 else None


def write_photos(path: Path, count: int, work: Path) -> list[str]:
    """Write the photos for all libraries, and return their labels."""
    for folder in ("photos", "raw", "timed-photos", "timed-raw"):
        (work / folder).mkdir()
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
        rows = rows[:: max(1, len(rows) // count)]
        for number, row in enumerate(rows):
            content = archive.read(row["file"])
            (work / "photos" / f"{number:05}.jpg").write_bytes(content)
            # Node has no decoder of its own: it gets the pixels, which is in its favour.
            image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
            head = struct.pack("<II", image.shape[1], image.shape[0])
            (work / "raw" / f"{number:05}.raw").write_bytes(head + image.tobytes())
            for folder in ("photos", "raw") if number < TIMED_PHOTOS else ():
                (file,) = (work / folder).glob(f"{number:05}.*")
                (work / f"timed-{folder}" / file.name).hardlink_to(file)
    return [row["label"] for row in rows]


def measure(command: list[str], work: Path, told: dict[str, Any], *, is_first: bool = True) -> None:
    """Run one library's three tasks; the first answer counts from the start of its process."""
    ending, photos = (".raw", "raw") if command[0] == "node" else (".npy", "photos")
    began = time.perf_counter()
    run(command, "faces", work / f"first{ending}")
    told.setdefault("first_s", []).append(time.perf_counter() - began)

    faces = "faces" if is_first else "timed"
    answer = run(command, "faces", work / f"{faces}{ending}")
    timed = min(len(answer["words"]), TIMED)
    told.setdefault("faces_per_s", []).append(timed / answer["seconds"])
    told.setdefault("faces", answer["words"])

    answer = run(command, "photos", work / (photos if is_first else f"timed-{photos}"))
    told.setdefault("photos_per_s", []).append(len(answer["words"]) / answer["seconds"])
    told.setdefault("photos", answer["words"])


def run(command: list[str], kind: str, files: Path) -> dict[str, Any]:
    """Run a library once."""
    done = subprocess.run([*command, kind, str(files)], check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def judge(
    told: dict[str, Any], labels: list[str], votes: list[str | None], photos: list[str]
) -> dict[str, float]:
    """Return a library's accuracies and speeds; a photo without a found face counts as wrong."""
    voted = [(a, b) for a, b in zip(told["faces"], votes, strict=True) if b is not None]
    return {
        "accuracy_label": share_right(list(zip(told["faces"], labels, strict=True))),
        "accuracy_votes": share_right(voted),
        "voted_faces": len(voted),
        "accuracy_photos": share_right(list(zip(told["photos"], photos, strict=True))),
        "photos_with_face": sum(one is not None for one in told["photos"]) / len(photos),
        "faces_per_s": statistics.median(told["faces_per_s"]),
        "photos_per_s": statistics.median(told["photos_per_s"]),
        "first_answer_s": statistics.median(told["first_s"]),
    }


def share_right(pairs: list[tuple[str | None, str | None]]) -> float:
    """Return the share of equal pairs."""
    return sum(a == b for a, b in pairs) / len(pairs)


def size_mb(name: str, given: argparse.Namespace) -> float:
    """Return the size of a library's network for expressions, in MB."""
    if name.startswith("mien"):
        contract = ModelSpec.read(ASSETS / f"{name.split()[1]}.json")
        files = [ASSETS / (contract.file or f"{contract.name}.onnx")]
    elif name.startswith("fer"):
        files = [*given.fer.parent.parent.rglob("fer/data/emotion_model_quantized.tflite")]
    else:
        files = [*given.human.glob("node_modules/@vladmandic/human/models/emotion.*")]
    return sum(file.stat().st_size for file in files) / 1e6


if __name__ == "__main__":
    main()
