"""What the loader makes of every form of data that users have, friendly and hostile."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labelled_images import (
    EMOTIONS,
    TABLE_ORDER,
    encode,
    faces,
    kaggle_files,
    own_files,
    table,
    write_folder,
    write_zip,
)
from mien.data.datasets import Dataset, load_dataset
from mien.data.holdout import hold_out
from mien.data.layout import find_layout
from mien.errors import DataError
from mien.faces.crop import crop_face
from mien.faces.face import Box, Face


def labelled(dataset: Dataset) -> dict[str, tuple[str, str]]:
    """Return the split and the class of every path."""
    return {
        path: (split.name, dataset.class_names[label])
        for split in dataset.splits.values()
        for path, label in zip(split.paths, split.labels, strict=True)
    }


def reasons(dataset: Dataset) -> dict[str, str]:
    return {file.path: file.reason for file in dataset.broken}


class TestFer2013:
    def test_splits_come_from_file_names_and_labels_from_folders(self, tmp_path: Path) -> None:
        dataset = load_dataset(write_zip(tmp_path / "fer.zip", kaggle_files()))
        assert dataset.class_names == EMOTIONS
        assert list(dataset.splits) == ["train", "validation", "test"]
        found = labelled(dataset)
        assert len(found) == 42  # names repeat across class folders
        assert found["test/sad/PublicTest_0.jpg"] == ("validation", "sad")
        assert found["test/sad/PrivateTest_0.jpg"] == ("test", "sad")
        assert found["train/neutral/Training_1.jpg"] == ("train", "neutral")
        train = dataset.splits["train"]
        assert train.images.shape == (14, 48, 48)
        assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.int64)
        assert list(train.paths) == sorted(train.paths)
        assert dataset.broken == ()
        assert dataset.notes == ()

    def test_pixels_are_those_of_the_file(self, tmp_path: Path) -> None:
        files = kaggle_files(1)
        split = load_dataset(write_zip(tmp_path / "fer.zip", files)).splits["test"]
        for path, image in zip(split.paths, split.images, strict=True):
            with Image.open(io.BytesIO(files[path])) as picture:
                assert picture.mode == "L"
                np.testing.assert_array_equal(image, np.asarray(picture))

    @pytest.mark.parametrize("wrapper", ["", "archive/fer2013/"])
    def test_zip_folder_and_order_of_files_make_no_difference(
        self, tmp_path: Path, wrapper: str
    ) -> None:
        files = kaggle_files(1)
        one = load_dataset(write_zip(tmp_path / "fer.zip", files))
        backwards = {wrapper + name: files[name] for name in reversed(files)}
        for path in (
            write_zip(tmp_path / "other.zip", backwards),
            write_folder(tmp_path / "folder", backwards),
        ):
            other = load_dataset(path)
            for name, split in one.splits.items():
                np.testing.assert_array_equal(split.images, other.splits[name].images)
                np.testing.assert_array_equal(split.labels, other.splits[name].labels)
                assert [wrapper + p for p in split.paths] == list(other.splits[name].paths)

    def test_one_split_alone(self, tmp_path: Path) -> None:
        dataset = load_dataset(write_folder(tmp_path, kaggle_files(1)) / "train")
        assert list(dataset.splits) == ["train"]  # one face a class: none to hold out
        assert dataset.class_names == EMOTIONS

    def test_classes_are_those_that_are_there(self, tmp_path: Path) -> None:
        files = {n: d for n, d in kaggle_files(1).items() if "/disgust/" not in n}
        dataset = load_dataset(write_zip(tmp_path / "fer.zip", files))
        assert dataset.class_names == tuple(name for name in EMOTIONS if name != "disgust")
        assert labelled(dataset)["test/sad/PublicTest_0.jpg"] == ("validation", "sad")
        three = {n: d for n, d in files.items() if n.split("/")[1] in {"sad", "happy", "neutral"}}
        dataset = load_dataset(write_zip(tmp_path / "three.zip", three))
        assert dataset.class_names == ("happy", "neutral", "sad")

    def test_a_missing_public_test_is_cut_from_train(self, tmp_path: Path) -> None:
        files = {n: d for n, d in kaggle_files(10).items() if "PublicTest" not in n}
        dataset = load_dataset(write_zip(tmp_path / "fer.zip", files))
        counts = {name: len(split.labels) for name, split in dataset.splits.items()}
        assert counts == {"train": 63, "validation": 7, "test": 70}
        assert all("/Training_" in path for path in dataset.splits["validation"].paths)
        assert "no validation split" in dataset.notes[0]

    def test_folders_that_part_the_images_anew_are_right(self, tmp_path: Path) -> None:
        files = {}
        for name, data in kaggle_files(1).items():
            usage = name.split("/")[-1]
            split = "val" if usage.startswith("PrivateTest") else "train"
            files[f"{split}/{name.split('/')[1]}/{usage}"] = data
        found = labelled(load_dataset(write_zip(tmp_path / "fer.zip", files)))
        assert found["val/sad/PrivateTest_0.jpg"] == ("validation", "sad")
        assert found["train/sad/PublicTest_0.jpg"] == ("train", "sad")


ROWS: Final = [
    (str(label), usage, image)
    for usage in ("Training", "PublicTest", "PrivateTest")
    for label, image in enumerate(faces(7, seed=len(usage)))
]


class TestTables:
    @pytest.mark.parametrize(
        "header",
        ["emotion,pixels,Usage", "emotion, Usage, pixels", '\ufeff"emotion","pixels","Usage"'],
    )
    def test_columns_by_name_and_labels_in_the_table_s_own_order(
        self, tmp_path: Path, header: str
    ) -> None:
        plain = header.replace('"', "").replace("\ufeff", "")
        path = tmp_path / "icml_face_data.csv"
        path.write_bytes(table(ROWS, plain).replace(plain.encode(), header.encode(), 1))
        dataset = load_dataset(path)
        assert dataset.class_names == EMOTIONS
        for name, usage in (("train", "Training"), ("test", "PrivateTest")):
            split = dataset.splits[name]
            assert [EMOTIONS[label] for label in split.labels] == list(TABLE_ORDER)
            np.testing.assert_array_equal(split.images, faces(7, seed=len(usage)))
            assert all(usage in path for path in split.paths)
        assert dataset.splits["train"].paths[0] == "icml_face_data.csv/Training/000002"

    def test_inside_a_zip_a_folder_and_a_zip_in_a_zip(self, tmp_path: Path) -> None:
        files = {"fer2013/README": b"about", "fer2013/fer2013.csv": table(ROWS)}
        inner = write_zip(tmp_path / "inner.zip", files)
        outer = write_zip(
            tmp_path / "outer.zip", {"votes.csv": b"a,b\n1,2", "fer.zip": inner.read_bytes()}
        )
        for path in (inner, outer, write_folder(tmp_path / "folder", files)):
            assert len(load_dataset(path).splits["test"].labels) == 7

    def test_another_size(self, tmp_path: Path) -> None:
        path = tmp_path / "fer2013.csv"
        path.write_bytes(table(ROWS))
        assert load_dataset(path, size=32).splits["train"].images.shape == (7, 32, 32)

    def test_without_usage_it_is_cut(self, tmp_path: Path) -> None:
        rows = [(str(n % 7), "", image) for n, image in enumerate(faces(70))]
        path = tmp_path / "own.csv"
        path.write_bytes(table(rows, "emotion,pixels"))
        dataset = load_dataset(path)
        assert {n: len(s.labels) for n, s in dataset.splits.items()} == {
            "train": 56,
            "validation": 7,
            "test": 7,
        }
        assert "no splits" in dataset.notes[0]

    @pytest.mark.parametrize("usages", [("train", "test"), ("Training", "PrivateTest")])
    def test_a_validation_split_is_cut_where_there_is_none(
        self, tmp_path: Path, usages: tuple[str, str]
    ) -> None:
        train, test = usages
        rows = [
            (str(n % 7), test if n >= 56 else train, image) for n, image in enumerate(faces(70))
        ]
        path = tmp_path / "own.csv"
        path.write_bytes(table(rows))
        sizes = {name: len(split.labels) for name, split in load_dataset(path).splits.items()}
        assert sizes == {"train": 49, "validation": 7, "test": 14}

    def test_a_bad_row_is_named_and_the_others_read(self, tmp_path: Path) -> None:
        good = " ".join(["7"] * 2304)
        bad = [
            ("7", "Training", good),
            ("anger?", "Training", good),
            ("0", "Sunday", good),
            ("0", "Training", "1 2 3"),
            ("0", "Training", good.replace("7", "x", 1)),
            ("0", "Training", good.replace("7", "256", 1)),
            ("0", "Training", good.replace("7", "-1", 1)),
            ("0", "Training", ""),
        ]
        path = tmp_path / "fer2013.csv"
        path.write_bytes(table([*ROWS, *bad]) + b"\n0,1 2 3\n\n")
        dataset = load_dataset(path)
        assert len(labelled(dataset)) == len(ROWS)
        told = reasons(dataset)
        assert len(told) == len(bad) + 1
        for line, words in (
            ("Training/000023", "emotion '7', expected 0 to 6"),
            ("000025", "Usage 'Sunday', expected Training"),
            ("Training/000026", "has 3 pixels, expected 2304"),
            ("Training/000027", "not whole numbers"),
            ("Training/000028", "from 7 to 256"),
            ("Training/000029", "from -1 to 7"),
            ("Training/000030", "has 0 pixels"),
            ("000031", "has 2 cells, expected 3"),
        ):
            assert words in told[f"fer2013.csv/{line}"]
            (row,) = (row for row in dataset.broken if row.path == f"fer2013.csv/{line}")
            assert row.line == int(line[-6:])

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"name,age\nx,1\n", "no table with the columns emotion and pixels"),
            (b"emotion,pixels,Usage\n", "no usable image"),
            (b"emotion,pixels,Usage\n0,1 2,Training\n", "the first of 1 corrupt ones"),
            (b"emotion,pixels,Usage\n" + b"1" * 200_000, "line 2 has 65,536 characters or more"),
            (b'emotion,pixels,Usage\n"' + b"1\n" * 100_000, "not a valid table after line"),
            (b"\x00\x01\x02" * 100, "no table with the columns"),
        ],
    )
    def test_what_is_no_table_is_one_sentence(
        self, tmp_path: Path, data: bytes, words: str
    ) -> None:
        path = tmp_path / "fer2013.csv"
        path.write_bytes(data)
        with pytest.raises(DataError, match=words) as caught:
            load_dataset(path)
        assert "\n" not in str(caught.value)


class TestOwnImages:
    def test_split_folders_of_many_names(self, tmp_path: Path) -> None:
        files = {
            f"my faces/{split}/{name}": data
            for split in ("Train", "valid", "testing")
            for name, data in own_files(1, ("bored", "Zürich 1")).items()
        }
        dataset = load_dataset(write_folder(tmp_path, {**files, "README.md": b"read me"}))
        assert dataset.class_names == ("Zürich 1", "bored")
        assert {n: len(s.labels) for n, s in dataset.splits.items()} == {
            "train": 2,
            "validation": 2,
            "test": 2,
        }
        assert dataset.broken == ()

    def test_one_level_of_classes_is_cut_by_class(self, tmp_path: Path) -> None:
        files = own_files(30, ("cat", "dog", "eel"))
        dataset = load_dataset(write_folder(tmp_path / "a", files))
        counts = {n: np.bincount(s.labels).tolist() for n, s in dataset.splits.items()}
        assert counts == {"train": [24] * 3, "validation": [3] * 3, "test": [3] * 3}
        assert "a tenth" in dataset.notes[0]

        renamed = {name.replace(".png", "-x.png"): data for name, data in files.items()}
        again = load_dataset(write_zip(tmp_path / "b.zip", renamed))
        same = {n.replace("-x.png", ".png"): place for n, place in labelled(again).items()}
        assert same == labelled(dataset)
        assert labelled(load_dataset(tmp_path / "a", seed=1)) != labelled(dataset)

    def test_a_validation_split_is_cut_from_train_and_test_is_left(self, tmp_path: Path) -> None:
        files = {f"train/{name}": data for name, data in own_files(20).items()}
        files |= {f"test/{name}": data for name, data in own_files(3).items()}
        dataset = load_dataset(write_folder(tmp_path, files))
        assert {n: len(s.labels) for n, s in dataset.splits.items()} == {
            "train": 36,
            "validation": 4,
            "test": 6,
        }
        assert all(path.startswith("test/") for path in dataset.splits["test"].paths)
        assert "no validation split" in dataset.notes[0]

    def test_copies_stay_on_one_side(self, tmp_path: Path) -> None:
        files = {
            f"{name}-{copy}.png": data for name, data in own_files(20).items() for copy in range(3)
        }
        dataset = load_dataset(write_folder(tmp_path, files))
        seen = [{i.tobytes() for i in split.images} for split in dataset.splits.values()]
        assert len(seen) == 3
        assert not seen[0] & seen[1]
        assert not seen[0] & seen[2]
        assert not seen[1] & seen[2]

    def test_names_of_emotions_are_read_as_ours_and_it_is_said(self, tmp_path: Path) -> None:
        folders = ("Anger", "disgusted", "FEAR", "happiness", "natural", "sadness", "surprised")
        dataset = load_dataset(write_folder(tmp_path, own_files(1, folders)))
        assert dataset.class_names == EMOTIONS
        assert "the class folder 'natural' is read as 'neutral'" in dataset.notes
        assert labelled(dataset)["happiness/0.png"] == ("train", "happy")

    def test_one_class_that_is_no_emotion_of_ours_leaves_all_names(self, tmp_path: Path) -> None:
        dataset = load_dataset(write_folder(tmp_path, own_files(1, ("Anger", "contempt"))))
        assert dataset.class_names == ("Anger", "contempt")

    @pytest.mark.parametrize("classes", [("anger", "angry", "sad"), ("Cat", "cat", "dog")])
    def test_two_names_for_one_class_are_refused(
        self, tmp_path: Path, classes: tuple[str, ...]
    ) -> None:
        path = write_zip(tmp_path / "a.zip", own_files(1, classes))
        with pytest.raises(DataError, match="have the same meaning; rename one of them"):
            load_dataset(path)

    def test_any_size_and_colour_becomes_a_grey_square(self, tmp_path: Path) -> None:
        wide = np.zeros((60, 180, 3), dtype=np.uint8)
        wide[:, 60:120] = (255, 0, 0)
        rgba = Image.new("RGBA", (20, 20), (0, 0, 0, 0))  # transparent: laid on white
        files = {
            "a/wide.png": encode(wide),
            "a/rgba.png": encode(rgba),
            "b/palette.gif": encode(Image.new("RGB", (64, 64), (0, 255, 0)).quantize(4), "GIF"),
            "b/deep.png": encode(Image.fromarray(np.full((50, 50), 40 * 257, dtype=np.uint16))),
        }
        split = load_dataset(write_folder(tmp_path, files), size=40).splits["train"]
        assert split.images.shape == (4, 40, 40)
        means = dict(zip(split.paths, split.images.mean(axis=(1, 2)).tolist(), strict=True))
        assert means == pytest.approx(
            {"a/wide.png": 76, "a/rgba.png": 255, "b/palette.gif": 150, "b/deep.png": 40}, abs=1
        )

    def test_levels_are_those_of_a_face_cut_out_of_a_photo(self, tmp_path: Path) -> None:
        images = np.random.default_rng(0).integers(0, 256, (2, 100, 130, 3), dtype=np.uint8)
        files = {f"{name}/0.png": encode(image) for name, image in zip("ab", images, strict=True)}
        split = load_dataset(write_folder(tmp_path, files)).splits["train"]
        face = Face(Box(15, 0, 100, 100), landmarks=(), score=1.0)
        for image, original in zip(split.images, images, strict=True):
            np.testing.assert_array_equal(image, crop_face(original, face, margin=0.0))

    def test_an_empty_class_folder_is_a_class(self, tmp_path: Path) -> None:
        files = {f"train/{name}": data for name, data in own_files(12).items()}
        write_folder(tmp_path / "a", files)
        (tmp_path / "a/train/eel").mkdir()
        (tmp_path / "a/.git/eel").mkdir(parents=True)
        packed = write_zip(tmp_path / "a.zip", {**files, "train/": b"", "train/eel/": b""})
        for path in (tmp_path / "a", packed):
            assert load_dataset(path).class_names == ("cat", "dog", "eel")

    def test_no_class_is_lost_for_what_its_files_are_called(self, tmp_path: Path) -> None:
        files = {
            name.replace("cat", "jfif").replace(".png", ".jfif" if "cat" in name else ".png"): data
            for name, data in own_files(10).items()
        }
        files |= {"words/one.txt": b"hello", "words/two.txt": b"hello"}
        dataset = load_dataset(write_folder(tmp_path, files))
        assert dataset.class_names == ("dog", "jfif")
        assert any("folder 'words' contains no file" in note for note in dataset.notes)

    def test_litter_is_left_out_and_strays_are_named(self, tmp_path: Path) -> None:
        files = {f"train/{name}": data for name, data in own_files(2).items()}
        files |= {
            "__MACOSX/train/cat/._0.png": b"x",
            "train/cat/.DS_Store": b"x",
            "train/dog/Thumbs.db": b"x",
            "train/dog/notes.txt": b"hello",
            "extra.png": encode(faces(1)[0]),
            "train/front.png": encode(faces(1)[0]),
        }
        dataset = load_dataset(write_zip(tmp_path / "a.zip", files))
        assert set(reasons(dataset)) == {"extra.png", "train/front.png", "train/dog/notes.txt"}
        assert "is in no train, validation or test folder" in reasons(dataset)["extra.png"]

    def test_valid_and_invalid_are_classes_where_no_class_is_below(self) -> None:
        layout = find_layout(["valid/1.png", "invalid/2.png"])
        assert layout.class_names == ("invalid", "valid")


class TestHostile:
    def test_broken_files_are_named_and_the_others_read(self, tmp_path: Path) -> None:
        good = encode(faces(1)[0], "JPEG")
        files = {
            **own_files(3),
            "cat/truncated.jpg": good[: len(good) // 2],
            "cat/empty.png": b"",
            "dog/text.jpg": b"this is text, no image",
            "dog/page.html": b"<!doctype html><p>404",
        }
        for path in (
            write_zip(tmp_path / "a.zip", files),
            write_folder(tmp_path / "folder", files),
        ):
            dataset = load_dataset(path)
            told = reasons(dataset)
            assert len(labelled(dataset)) == 6
            assert set(told) == set(files) - set(own_files(3))
            assert told["cat/empty.png"].startswith("is empty")
            assert told["dog/page.html"].startswith("is not a supported picture")
            assert all("\n" not in reason and "<bytes>" not in reason for reason in told.values())

    def test_a_damaged_or_encrypted_member_is_named(self, tmp_path: Path) -> None:
        path = write_zip(tmp_path / "a.zip", own_files(3))
        raw = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            first, second = archive.infolist()[:2]
        raw[first.header_offset + 30 + len(first.filename) + 5] ^= 0xFF
        entry = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
        raw[entry + 8] |= 1  # the flag of encryption, of the second
        path.write_bytes(raw)
        told = reasons(load_dataset(path))
        assert set(told) == {first.filename, second.filename}
        assert "encrypted" in told[second.filename]

    def test_a_name_that_comes_twice_is_said(self, tmp_path: Path) -> None:
        path = write_zip(tmp_path / "a.zip", own_files(3))
        with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
            archive.writestr("cat/0.png", encode(faces(1, seed=9)[0]))
        dataset = load_dataset(path)
        assert "more than once" in reasons(dataset)["cat/0.png"]
        assert len(labelled(dataset)) == 6

    @pytest.mark.parametrize(
        "name", ["../cat/0.png", "/etc/0.png", "C:\\cat\\0.png", "a\\..\\..\\0.png"]
    )
    def test_a_zip_whose_names_leave_it_is_refused(self, tmp_path: Path, name: str) -> None:
        path = write_zip(tmp_path / "a.zip", {**own_files(1), name: b"x"})
        with pytest.raises(DataError, match="outside the archive; do not use this file"):
            load_dataset(path)

    def test_backslashes_part_folders(self, tmp_path: Path) -> None:
        files = {name.replace("/", "\\"): data for name, data in own_files(3).items()}
        assert len(labelled(load_dataset(write_zip(tmp_path / "a.zip", files)))) == 6

    def test_a_zip_that_grows_beyond_reason_is_refused_unread(self, tmp_path: Path) -> None:
        path = write_zip(tmp_path / "bomb.zip", own_files(2))
        raw = bytearray(path.read_bytes())
        entry = -1
        for _ in range(4):  # what a bomb states: members of 512 MiB
            entry = raw.index(b"PK\x01\x02", entry + 1)
            raw[entry + 24 : entry + 28] = (2**29).to_bytes(4, "little")
        path.write_bytes(raw)
        with pytest.raises(DataError, match="would expand from"):
            load_dataset(path)

    def test_a_huge_file_is_named_and_not_read(self, tmp_path: Path) -> None:
        write_folder(tmp_path, own_files(3))
        with (tmp_path / "cat/huge.png").open("wb") as sparse:
            sparse.truncate(2**33)
        assert "is larger than 64 MiB" in reasons(load_dataset(tmp_path))["cat/huge.png"]

    def test_things_that_are_no_files(self, tmp_path: Path) -> None:
        write_folder(tmp_path / "a", own_files(3))
        os.mkfifo(tmp_path / "a/cat/pipe.png")
        (tmp_path / "a/cat/gone.png").symlink_to(tmp_path / "nowhere")
        (tmp_path / "a/dog/around").symlink_to(tmp_path / "a")
        dataset = load_dataset(tmp_path / "a")
        assert set(reasons(dataset)) == {"cat/pipe.png", "cat/gone.png"}
        assert len(labelled(dataset)) == 6

    def test_a_linked_class_folder_is_followed(self, tmp_path: Path) -> None:
        write_folder(tmp_path / "elsewhere", own_files(3))
        (tmp_path / "a").mkdir()
        for name in ("cat", "dog"):
            (tmp_path / "a" / name).symlink_to(tmp_path / "elsewhere" / name)
        assert len(labelled(load_dataset(tmp_path / "a"))) == 6

    def test_names_that_are_no_text(self, tmp_path: Path) -> None:
        write_folder(tmp_path, own_files(3))
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/\xff.png"))).write_bytes(
            encode(faces(1)[0])
        )
        assert r"cat/\udcff.png" in labelled(load_dataset(tmp_path))

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda p: p / "missing.zip", "does not exist"),
            (lambda p: p, "contains no images in class folders"),
            (lambda p: write_folder(p, {"a.zip": b""}) / "a.zip", "is empty"),
            (
                lambda p: write_folder(p, {"a.zip": b"PK\x03\x04 cut"}) / "a.zip",
                "not a complete zip file",
            ),
            (lambda p: write_folder(p, {"a.png": encode(faces(1)[0])}), "no class folder"),
            (
                lambda p: write_folder(p, {"a.png": encode(faces(1)[0])}) / "a.png",
                "no class folder",
            ),
            (lambda p: write_folder(p, {"train/a/a.png": encode(faces(1)[0])}), "one class folder"),
            (
                lambda p: write_folder(p, {"a/a.png": b"x", "b/b.png": b"x"}),
                "the first of 2 corrupt",
            ),
            (lambda p: write_zip(p / "a.zip", {"b.zip": b"PK no"}), "not a complete zip file"),
            (lambda _: Path("/dev/null"), "neither a folder nor a regular file"),
        ],
        ids=lambda value: value if isinstance(value, str) else value.__code__.co_firstlineno,
    )
    def test_nothing_usable_is_one_sentence(self, tmp_path: Path, make, words: str) -> None:
        path = make(tmp_path)
        with pytest.raises(DataError, match=words) as caught:
            load_dataset(path)
        assert "\n" not in str(caught.value)

    def test_a_size_without_room_for_a_face_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="4 x 4 pixels are too few for a face"):
            load_dataset(tmp_path, size=4)


@settings(max_examples=50, deadline=None)
@given(
    kinds=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=60),
    seed=st.integers(0, 3),
)
def test_holding_out_parts_no_copies_and_takes_of_every_class(kinds, seed: int) -> None:
    labels = [label for label, _ in kinds]
    images = [np.full((2, 2), 10 * label + shade, dtype=np.uint8) for label, shade in kinds]
    splits = hold_out(images, labels, {"validation": 0.1, "test": 0.1}, seed=seed)
    for label in set(labels):
        homes: dict[int, set[str]] = {}
        for (kind, shade), split in zip(kinds, splits, strict=True):
            if kind == label:
                homes.setdefault(shade, set()).add(split)
        assert all(len(home) == 1 for home in homes.values())
        found = [min(home) for home in homes.values()]
        assert "train" in found
        if len(homes) > 2:
            assert {"validation", "test"} <= set(found)


def test_reading_data_needs_no_torch() -> None:
    code = (
        "import sys, mien.data.audit, mien.cli.data\n"
        "print(*{'torch', 'scipy', 'sklearn', 'lightning'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
