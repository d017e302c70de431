"""What the audit finds in data with known faults, and in FER2013 itself."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from rich.console import Console

from labelled_images import FER2013, faces, kaggle_files, needs_fer2013, write_zip
from mien.cli import main
from mien.cli.data import print_audit
from mien.data import inventory
from mien.data.appearance import compare_looks, measure_looks
from mien.data.audit import DatasetAudit, audit_dataset, check_trainable
from mien.data.datasets import BrokenFile, Dataset, Split
from mien.data.duplicates import NEAR_CORRELATION, find_near_copies, find_originals
from mien.errors import DataError


def dataset(
    images: Mapping[str, np.ndarray], labels: Mapping[str, list[int]] | None = None
) -> Dataset:
    """Make a dataset of two classes, which take turns where no labels are given."""
    splits = {}
    for name, part in images.items():
        own = labels[name] if labels else [number % 2 for number in range(len(part))]
        paths = tuple(f"{name}/{'ab'[label]}/{number}.png" for number, label in enumerate(own))
        splits[name] = Split(name, part, np.array(own, dtype=np.int64), paths)
    return Dataset("data.zip", ("a", "b"), splits, ())


def sound(count: int = 40) -> dict[str, np.ndarray]:
    """Images in which there is nothing to find."""
    return {
        "train": faces(count, seed=1),
        "validation": faces(count // 2, seed=2),
        "test": faces(count // 2, seed=3),
    }


def titles(audit: DatasetAudit, gravity: str) -> str:
    return "\n".join(f.title for f in audit.findings if f.gravity == gravity)


def blur(images: np.ndarray, radius: float) -> np.ndarray:
    return np.stack(
        [
            np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))
            for image in images
        ]
    )


def textured(count: int, seed: int) -> np.ndarray:
    """Images with as much fine detail as photos have."""
    noise = np.random.default_rng(seed).normal(0, 12, (count, 48, 48))
    return np.clip(faces(count, seed) / 2 + 60 + noise, 0, 255).astype(np.uint8)


def test_nothing_is_found_in_sound_data() -> None:
    audit = audit_dataset(dataset(sound()))
    assert audit.findings == ()
    assert audit.inventory.redundant == 0
    check_trainable(audit)


def test_originals_are_neither_blank_nor_held_out_nor_there_already() -> None:
    images = faces(5)
    held_out = np.stack([faces(1, seed=9)[0], images[1]])
    blank = np.full((1, *images.shape[1:]), 200, dtype=np.uint8)
    train = np.concatenate([images, blank, images[:1]])
    assert find_originals(train, held_out).tolist() == [True, False, True, True, True, False, False]


class TestCopies:
    def test_exact_copies_within_and_across_splits(self) -> None:
        images = sound()
        images["train"][1] = images["train"][0]
        images["train"][2] = images["train"][0]
        images["test"][5] = images["train"][7]
        images["test"][6] = images["train"][0]
        images["validation"][3] = images["test"][9]
        labels = {name: [0] * len(part) for name, part in images.items()}
        labels["train"][1] = labels["test"][5] = 1
        audit = audit_dataset(dataset(images, labels))
        found = audit.inventory
        assert found.redundant == 5
        assert found.redundant_within == {"train": 2, "validation": 0, "test": 0}
        assert found.copies == {
            "train": {"train": 3, "validation": 0, "test": 4},
            "validation": {"train": 0, "validation": 0, "test": 1},
            "test": {"train": 2, "validation": 1, "test": 0},
        }
        assert np.flatnonzero(audit.train_copies("test")).tolist() == [5, 6]
        assert not audit.train_copies("validation").any()
        assert [group.classes for group in found.conflicts] == [("a", "b", "a", "a"), ("a", "b")]
        assert found.conflicts[1].paths == ("train/a/7.png", "test/b/5.png")
        assert "2 of 20 test images (10.0%) are in train too" in titles(audit, "warning")
        assert "2 groups of duplicates have conflicting labels" in titles(audit, "warning")

    def test_train_copies_are_the_caller_s_own(self) -> None:
        audit = audit_dataset(dataset(sound()))
        audit.train_copies("test")[:] = True
        assert not audit.train_copies("test").any()
        with pytest.raises(DataError, match="has no quiz split; it has train, validation, test"):
            audit.train_copies("quiz")

    def test_a_split_that_repeats_train_is_a_fault(self) -> None:
        images = sound()
        images["validation"] = images["train"][:20].copy()
        audit = audit_dataset(dataset(images))
        assert "20 of 20 validation images (100.0%) are in train too" in titles(audit, "fault")
        with pytest.raises(DataError, match="should not be trained on"):
            check_trainable(audit)

    def test_near_copies_are_brighter_softer_and_noisier_ones_but_no_mirrored_ones(self) -> None:
        images = sound()
        original = images["train"][0].astype(float)
        noise = np.random.default_rng(0).normal(0, 5, original.shape)
        images["test"][0] = np.clip(original * 0.6 + 50 + noise, 0, 255).astype(np.uint8)
        images["test"][1] = images["train"][1][:, ::-1]
        images["test"][2] = images["test"][3]
        found = audit_dataset(dataset(images)).inventory
        assert found.near_copies is not None
        assert found.near_copies["test"] == {"train": 1, "validation": 0, "test": 2}
        assert found.near_copies["train"] == {"train": 0, "validation": 0, "test": 1}
        assert found.copies["test"] == {"train": 0, "validation": 0, "test": 2}

    @pytest.mark.parametrize(("size", "originals"), [(48, 400), (20, 400), (48, 5)])
    def test_no_pair_is_missed(self, size: int, originals: int) -> None:
        """Judged by all pairs at once; few originals make so many pairs that blocks are full."""
        count = 1100  # more than one block
        rng = np.random.default_rng(0)
        base = faces(originals, size=size)[rng.integers(0, originals, count)].astype(float)
        strength = rng.uniform(5, 35, (count, 1, 1))  # correlations on both sides of the limit
        images = np.clip(base + rng.normal(0, 1, base.shape) * strength, 0, 255).astype(np.uint8)
        holders = rng.integers(0, 3, count)[:, np.newaxis] == np.arange(3)
        near = np.corrcoef(images.reshape(count, -1)) > NEAR_CORRELATION
        np.fill_diagonal(near, val=False)
        assert 500 < near.sum() < 200_000
        np.testing.assert_array_equal(find_near_copies(images, holders), near @ holders)

    def test_an_image_of_one_level_is_near_to_nothing(self) -> None:
        images = np.stack([np.full((48, 48), level, dtype=np.uint8) for level in (9, 10, 200)])
        assert not find_near_copies(images, np.ones((3, 1), dtype=np.bool_)).any()

    def test_too_large_data_is_searched_for_exact_copies_only_and_it_is_said(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inventory, "NEAR_LIMIT", 50)
        audit = audit_dataset(dataset(sound()))
        assert audit.inventory.near_copies is None
        assert titles(audit, "note") == "near duplicates were not searched"


class TestLooks:
    def test_a_blurred_train_half_is_a_fault_said_once(self) -> None:
        images = {n: textured(60, s) for s, n in enumerate(("train", "validation", "test"))}
        audit = audit_dataset(dataset(images))
        assert audit.faults == ()
        images["train"] = blur(images["train"], 2)
        audit = audit_dataset(dataset(images))
        assert titles(audit, "fault").startswith(
            "the splits look different: train is blurred, its median sharpness"
        )
        assert len(audit.faults) == 1
        with pytest.raises(DataError, match=r"data\.zip should not be trained on: the splits look"):
            check_trainable(audit)

    def test_darker_and_flatter_splits(self) -> None:
        images = {n: textured(60, s) for s, n in enumerate(("train", "validation", "test"))}
        images["validation"] //= 3
        audit = audit_dataset(dataset(images))
        faults = titles(audit, "fault")
        assert "validation is much darker" in faults
        assert "validation is much lower in contrast" in faults

    @pytest.mark.parametrize("seed", range(5))
    def test_small_sets_that_are_alike_raise_no_alarm(self, seed: int) -> None:
        images = textured(30, seed)
        looks = {
            "train": measure_looks(images[:20]),
            "validation": measure_looks(images[20:25]),
            "test": measure_looks(images[25:]),
        }
        assert compare_looks(looks) == ()

    def test_measures_of_images_that_can_be_worked_out(self) -> None:
        flat = np.full((8, 8), 100, dtype=np.uint8)
        board = (np.indices((8, 8)).sum(axis=0) % 2 * 200).astype(np.uint8)
        looks = measure_looks(np.stack([flat, board]))
        assert looks["brightness"].tolist() == [100, 100]
        assert looks["contrast"].tolist() == [0, 100]
        assert looks["sharpness"].tolist() == [0, 800**2]  # 4 * 200 up and down in turn


class TestWhatIsThere:
    def test_missing_splits_and_classes(self) -> None:
        images = sound()
        labels = {name: [0] * len(part) for name, part in images.items()}
        del images["validation"]
        audit = audit_dataset(dataset(images, labels))
        assert titles(audit, "fault").splitlines() == [
            "there is no validation split",
            "train has no images of b",
        ]
        assert titles(audit, "warning") == "test has no images of b"
        with pytest.raises(DataError, match=r"no validation split \(and 1 more\)"):
            check_trainable(audit)

    def test_only_a_test_split(self) -> None:
        audit = audit_dataset(dataset({"test": faces(4)}))
        assert audit.train_copies("test").tolist() == [False] * 4
        assert "there is no train split" in titles(audit, "fault")

    def test_imbalance_constant_images_and_broken_files(self) -> None:
        images = sound(60)
        images["train"][3] = 17
        labels = {name: [number % 2 for number in range(len(p))] for name, p in images.items()}
        labels["train"] = [0] * 54 + [1] * 6
        whole = dataset(images, labels)
        broken = (BrokenFile("train/a/x.png", "is empty"),)
        audit = audit_dataset(
            Dataset(whole.source, whole.class_names, whole.splits, broken, ("a note",))
        )
        assert audit.inventory.constant["train"] == ("train/a/3.png",)
        assert titles(audit, "warning").splitlines() == [
            "1 file is corrupt and left out (120 are used)",
            "1 image is of one grey level",
            "train has 9.0 times as many images of a as of b",
        ]
        assert titles(audit, "note") == "a note"
        check_trainable(audit)

    def test_to_dict_is_plain_json(self) -> None:
        images = sound()
        images["test"][0] = images["train"][0]
        plain = audit_dataset(dataset(images)).to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["counts"]["train"] == {"a": 20, "b": 20}
        assert plain["copies"]["test"]["train"] == 1
        assert plain["trainable"] is True


class TestCommand:
    def test_a_page_that_fits_a_terminal(self, tmp_path: Path, capsys) -> None:
        files = kaggle_files(3) | {"train/sad/Training_9.jpg": b"", "train/sad/[red].jpg": b"no"}
        path = write_zip(tmp_path / "fer.zip", files)
        assert main(["data", "audit", str(path)]) == 0
        printed = capsys.readouterr().out
        assert "63 images, 7 classes" in printed
        assert "train/sad/[red].jpg is not a supported picture" in printed
        assert "2 files are corrupt" in printed

    def test_a_fault_is_exit_code_1_and_loud(self, tmp_path: Path, capsys) -> None:
        files = {n: d for n, d in kaggle_files(1).items() if not n.startswith("train/fear")}
        assert main(["data", "audit", str(write_zip(tmp_path / "fer.zip", files))]) == 1
        printed = capsys.readouterr().out
        assert "FAULT: train has no images of fear" in printed
        assert "do not train on this data" in printed

    def test_json(self, tmp_path: Path, capsys) -> None:
        path = write_zip(tmp_path / "fer.zip", kaggle_files(2))
        assert main(["data", "audit", str(path), "--json"]) == 0
        plain = json.loads(capsys.readouterr().out)
        assert plain["counts"]["test"]["happy"] == 2

    def test_json_names_the_lines_of_bad_rows(self, tmp_path: Path, capsys) -> None:
        good = " ".join(["7"] * 2304)
        path = tmp_path / "fer2013.csv"
        path.write_text(f"emotion,pixels,Usage\n0,{good},Training\n9,{good},PublicTest\n")
        main(["data", "audit", str(path), "--json"])
        (broken,) = json.loads(capsys.readouterr().out)["broken"]
        assert (broken["path"], broken["line"]) == ("fer2013.csv/PublicTest/000003", 3)
        main(["data", "audit", str(path)])
        assert "fer2013.csv/PublicTest, line 3, has the emotion '9'" in capsys.readouterr().out

    def test_what_cannot_be_read_is_one_sentence_and_exit_code_2(self, tmp_path, capsys) -> None:
        assert main(["data", "audit", str(tmp_path / "no.zip")]) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert "no.zip does not exist" in captured.err

    @pytest.mark.parametrize("width", [80, 40])
    def test_no_line_is_wider_than_the_terminal(self, width: int) -> None:
        images = sound()
        images["train"] = blur(images["train"], 3)
        images["test"][0] = images["train"][0]
        console = Console(width=width, record=True, quiet=False, file=None, color_system=None)
        with console.capture() as capture:
            print_audit(audit_dataset(dataset(images)), console)
        assert max(map(len, capture.get().splitlines())) <= max(width, 60)


@pytest.mark.slow
@needs_fer2013
def test_fer2013_is_known_inside_out_within_a_minute_and_a_gibibyte() -> None:
    code = """if True:
        import json
        from rich.console import Console
        from mien.cli.data import print_audit
        from mien.data.audit import audit_dataset
        from mien.data.datasets import load_dataset
        audit = audit_dataset(load_dataset("fer2013.zip"))
        print(json.dumps(audit.to_dict()))
        print_audit(audit, Console(width=80, color_system=None, highlight=False))
        # Of this program alone: what `resource` tells of a child includes its parent's peak.
        with open("/proc/self/status") as status:
            print(next(line for line in status if line.startswith("VmHWM")))
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)  # of what other tests started
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=FER2013.parent,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 60  # of processor time: others may keep the machine busy
    described, *page, peak = done.stdout.rstrip().splitlines()
    assert int(peak.split()[1]) < 2**20  # KiB
    found = json.loads(described)
    classes = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    counts = {
        split: [found["counts"][split][name] for name in classes] for split in found["counts"]
    }
    assert counts == {
        "train": [3995, 436, 4097, 7215, 4965, 4830, 3171],
        "validation": [467, 56, 496, 895, 607, 653, 415],
        "test": [491, 55, 528, 879, 626, 594, 416],
    }
    assert found["redundant"] == 1853
    assert found["redundant_within"]["train"] == 1236
    assert len(found["conflicts"]) == 57
    assert (found["copies"]["test"]["train"], found["copies"]["validation"]["train"]) == (288, 280)
    assert {split: len(paths) for split, paths in found["constant"].items()} == {
        "train": 11,
        "validation": 1,
        "test": 0,
    }
    # In float32, and in float64 too. In bfloat16 it comes to 423: four correlations between
    # 0.9396 and 0.94 are rounded up.
    assert found["near_copies"]["test"]["train"] == 419
    assert found["trainable"] is True
    assert found["mismatches"] == []
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    printed = text.split("```text\n")[1].split("```")[0].splitlines()
    assert [line.rstrip() for line in page] == printed


@pytest.mark.slow
def test_an_audit_needs_no_torch(tmp_path):
    code = """
import sys
for name in ("torch", "lightning", "sklearn", "scipy", "matplotlib", "onnx", "kornia"):
    sys.modules[name] = None  # importing it fails
from mien.cli import main
sys.argv = ["mien", "data", "audit", "--help"]
try:
    main()
except SystemExit:
    pass
from pathlib import Path
import numpy as np
from PIL import Image
from mien.cli.data import audit
for number in range(8):
    folder = Path(FOLDER) / f"class-{number % 2}"
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (48, 48), np.uint8)).save(
        folder / f"{number}.png"
    )
audit(Path(FOLDER))
"""
    done = subprocess.run(
        [sys.executable, "-c", f"FOLDER = {str(tmp_path)!r}\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "8 images, 2 classes" in done.stdout
    assert "no PyTorch" not in done.stderr
