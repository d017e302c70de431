"""Tests of the figures for slices of one's own faces, and of the table that names them."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")


from labelled_images import faces, kaggle_files, own_files, table, write_folder, write_zip
from mien.cli import main
from mien.data.predictions import Predictions, read_predictions
from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.evaluation.slice_table import read_column
from mien.evaluation.slices import RESAMPLES, slice_predictions
from tiny_model import write_tiny_model

PATHS = ("train/happy/1.png", "train/sad/1.png", "test/sad/2.png")


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def predictions(right: dict[str, tuple[int, int]], *, flip: int = 0) -> tuple[Predictions, list]:
    """Two classes in turn; of each slice, so many of so many faces are right."""
    labels, said, values = [], [], []
    for value, (correct, count) in right.items():
        for i in range(count):
            labels.append(i % 2)
            said.append(i % 2 if i < correct else 1 - i % 2)
            values.append(value or None)
    probabilities = np.full((len(labels), 2), 0.2)
    probabilities[np.arange(len(labels)), said] = 0.8
    paths = tuple(f"{i}.png" for i in range(len(labels)))
    return Predictions(("sad", "happy"), paths, np.array(labels), probabilities), values


def judge(right):
    found, values = predictions(right)
    return slice_predictions(found, values, column="light", title="the data")


def test_each_slice_has_its_figures_and_a_real_gap_is_named():
    found = judge({"day": (360, 400), "night": (120, 200), "": (5, 10)})
    assert [(s.value, s.faces, s.accuracy) for s in found.slices] == [
        ("day", 400, 0.9),
        ("night", 200, 0.6),
    ]
    assert found.without == 10
    assert found.slices[0].classes == {"sad": 200, "happy": 200}
    assert found.slices[1].standardized_accuracy == pytest.approx(0.6, abs=0.01)
    low, high = found.slices[1].macro_f1_interval
    assert low < found.slices[1].macro_f1 < high
    assert found.gap.difference == pytest.approx(0.3)
    assert found.gap.interval == pytest.approx((0.226, 0.374), abs=0.002)
    assert found.gap.p_value < 1e-10
    assert "lower for night than for day, by 30.0 points" in found.remarks[0]
    assert any("10 faces have no light" in remark for remark in found.remarks)


def test_a_gap_that_may_be_chance_is_called_so_and_many_slices_widen_it():
    two = judge({"a": (40, 50), "b": (36, 50)})
    assert "due to chance" in two.remarks[0]
    assert "not prove that light makes no difference" in two.remarks[0]
    many = judge({"a": (40, 50), "b": (36, 50), "c": (38, 50), "d": (39, 50)})
    assert many.gap.pairs == 6
    assert many.gap.interval[0] < two.gap.interval[0]
    assert "corrected for 6 pairs" in many.remarks[0]


def test_no_gap_is_claimed_of_tiny_slices():
    found = judge({"day": (90, 100), "night": (1, 10)})
    assert found.gap is None
    assert "gaps cannot be measured" in found.remarks[0]
    assert any("Under 30 faces: night" in remark for remark in found.remarks)
    assert found.slices[1].accuracy_interval[1] > 0.4


def test_alike_slices_and_perfect_ones_do_not_break_it():
    assert judge({"a": (50, 50), "b": (50, 50)}).gap.p_value == 1
    assert judge({"a": (40, 50), "b": (40, 50)}).gap.difference == 0
    assert RESAMPLES >= 1000


def test_a_class_that_a_slice_lacks_leaves_no_standardized_accuracy():
    found, values = predictions({"a": (40, 50), "b": (40, 50)})
    only_sad = [
        v if v == "a" or label == 0 else None for v, label in zip(values, found.labels, strict=True)
    ]
    parts = slice_predictions(found, only_sad, column="light", title="t").slices
    assert {p.value: p.standardized_accuracy is None for p in parts} == {"a": False, "b": True}


def test_too_many_values_and_none_at_all_are_said():
    found, values = predictions({"a": (40, 50)})
    with pytest.raises(DataError, match="age has 50 different values"):
        slice_predictions(found, [str(i) for i in range(50)], column="age", title="t")
    with pytest.raises(DataError, match="no face of t has a value of age"):
        slice_predictions(found, [None] * len(values), column="age", title="t")


# --- the table ------------------------------------------------------------------------------------


def test_rows_are_joined_from_any_folder_and_in_any_order(tmp_path):
    rows = [("Path", " Light "), ("sad/2.png", "night"), (r".\train\sad\1.png", "day")]
    rows += [("/home/me/set/train/happy/1.png", "dusk")]
    found = read_column(write_csv(tmp_path / "t.csv", rows), "LIGHT", PATHS)
    assert found == ("dusk", "day", "night")
    partial = read_column(write_csv(tmp_path / "t.csv", rows[:2]), "light", PATHS)
    assert partial == (None, None, "night")


def test_the_table_of_labels_may_hold_the_column_itself(tmp_path):
    text = table([("3", "Training", image) for image in faces(3)]).decode().splitlines()
    lines = [text[0] + ",camera", text[1] + ",phone", text[2] + ",", text[3] + ",studio"]
    path = tmp_path / "faces.csv"
    path.write_text("\n".join(lines))
    paths = [f"faces.csv/Training/{line:06d}" for line in (2, 3, 4)]
    assert read_column(path, "camera", paths) == ("phone", None, "studio")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("path", "lihgt"), ("train/sad/1.png", "x")], "no column 'light'; did you mean 'lihgt'"),
        ([("file", "light"), ("train/sad/1.png", "x")], "no 'path' column"),
        ([("path", "light")], "no rows below its header"),
        ([("path", "light"), ("a.png",)], "line 2 of .* has 1 cells"),
        ([("path", "light"), ("1.png", "x")], "ambiguous .*train/happy/1.png or train/sad/1.png"),
        ([("path", "light"), ("other.png", "x")], "no path in .* matches these faces"),
        (
            [("path", "light"), ("test/sad/2.png", "x"), ("sad/2.png", "y")],
            "lists test/sad/2.png twice, as 'x' and as 'y'",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_a_reason(tmp_path, rows, words):
    with pytest.raises(DataError, match=words):
        read_column(write_csv(tmp_path / "t.csv", rows), "light", PATHS)


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_column(tmp_path / "none.csv", "light", PATHS)
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a valid CSV"):
        read_column(tmp_path / "t.csv", "light", PATHS)


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_slices_all_faces_of_ones_own(tmp_path, capsys):
    files = own_files(40, classes=("happy", "sad"))
    data = write_folder(tmp_path / "faces", files)
    rows = [("path", "light")] + [
        (name, "day" if i % 2 else "<night>") for i, name in enumerate(files)
    ]
    path = write_csv(tmp_path / "t.csv", rows)
    model, output = write_tiny_model(tmp_path), tmp_path / "out"
    words = ["evaluate", str(model), "--data", str(data), "--split", "all"]
    words += ["--slices", "light", "--table", str(path), "--output", str(output)]
    assert main(words) == 0
    assert "equal class mix" in capsys.readouterr().out
    told = json.loads((output / "slices.json").read_text())
    assert told["faces"] == 80
    assert {part["value"] for part in told["slices"]} == {"day", "<night>"}
    page = (output / "evaluation.html").read_text()
    assert "Results per slice" in page
    assert "&lt;night&gt;" in page
    assert (output / "slices.png").is_file()


def test_the_command_says_what_it_lacks(tmp_path, capsys):
    data = write_zip(tmp_path / "d.zip", kaggle_files())
    model = write_tiny_model(tmp_path)
    words = ["evaluate", str(model), "--data", str(data), "--output", str(tmp_path / "o")]
    assert main([*words, "--table", "t.csv"]) == 2
    assert "requires --slices COLUMN" in capsys.readouterr().err
    assert main([*words, "--slices", "age"]) == 2
    assert "--table" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_with_votes_slices_and_corruptions_are_judged_by_the_plurality(tmp_path, capsys):
    files = own_files(20, classes=("happy", "sad"))
    data = write_folder(tmp_path / "faces", files)
    # People say the opposite of the labels, and one face gets no vote for a word.
    header = ("path", "happy", "sad", "contempt", "unknown", "NF")
    votes = [(name, 1, 9, 0, 0, 0) if "happy" in name else (name, 8, 2, 0, 0, 0) for name in files]
    votes[0] = (votes[0][0], 0, 0, 0, 10, 0)
    asked = write_csv(tmp_path / "votes.csv", [header, *votes])
    light = write_csv(tmp_path / "t.csv", [("path", "light"), *((name, "day") for name in files)])

    words = ["evaluate", str(write_tiny_model(tmp_path)), "--data", str(data), "--split", "all"]
    words += ["--slices", "light", "--table", str(light), "--corruptions"]
    figures = []
    for name, more in (("labels", []), ("votes", ["--votes", str(asked)])):
        output = tmp_path / name
        assert main([*words, *more, "--output", str(output)]) == 0
        read = (
            json.loads((output / f"{kind}.json").read_text()) for kind in ("slices", "corruptions")
        )
        figures.append(tuple(read))
    assert "right: the word that most people chose" in capsys.readouterr().out

    (by_label, shaken), (by_votes, shaken_by_votes) = figures
    assert (by_label["faces"], by_votes["faces"]) == (40, 39)
    assert by_votes["title"] == "all, plurality of the votes"
    assert by_votes["slices"][0]["classes"] == {"happy": 20, "sad": 19}
    assert (shaken["truth"], shaken_by_votes["truth"]) == ("label", "plurality")
    assert shaken_by_votes["data"]["faces"] == 39
    answers = read_predictions(tmp_path / "labels" / "predictions.csv")
    chosen = [{"happy": "sad", "sad": "happy"}[EMOTIONS[label]] for label in answers.labels]
    right = [EMOTIONS[said] == word for said, word in zip(answers.predicted, chosen, strict=True)]
    counted = sum(right) - right[answers.paths.index(votes[0][0])]
    assert shaken_by_votes["clean"]["accuracy"] == pytest.approx(counted / 39)
