"""Tests of the verdict on two models that saw the same faces."""

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mien.cli import main
from mien.data.predictions import Predictions, read_predictions
from mien.errors import DataError
from mien.evaluation.compare import Comparison, compare, format_p, macro_f1

NAMES = ("angry", "happy", "sad")


def answers(labels: np.ndarray, said: np.ndarray, names: tuple[str, ...] = NAMES) -> Predictions:
    """Make the predictions of a model that is 80 % sure of what it says."""
    probabilities = np.full((len(labels), len(names)), 0.2 / (len(names) - 1))
    probabilities[np.arange(len(labels)), said] = 0.8
    paths = tuple(f"PrivateTest_{i}.jpg" for i in range(len(labels)))
    return Predictions(names, paths, labels.astype(np.int64), probabilities)


def pair(seed: int, faces: int, skill_a: float, skill_b: float) -> tuple[Predictions, Predictions]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, faces)
    said = [
        np.where(rng.random(faces) < skill, labels, rng.integers(0, 3, faces))
        for skill in (skill_a, skill_b)
    ]
    return answers(labels, said[0]), answers(labels, said[1])


def test_mcnemar_of_a_case_counted_by_hand() -> None:
    labels = np.zeros(12, dtype=np.int64)
    a = answers(labels, np.array([0] * 4 + [0] * 1 + [1] * 6 + [1]))
    b = answers(labels, np.array([0] * 4 + [1] * 1 + [0] * 6 + [2]))
    verdict = compare(a, b, resamples=200)
    assert (verdict.both_right, verdict.only_a_right) == (4, 1)
    assert (verdict.only_b_right, verdict.both_wrong) == (6, 1)
    assert verdict.p_value == pytest.approx(2 * (1 + 7) / 2**7)  # at most 1 of 7 heads, twice
    assert verdict.accuracy.value == pytest.approx(5 / 12)
    assert verdict.title == "PrivateTest"
    assert "do not differ significantly" in verdict.conclusion


def test_a_clear_difference_is_called_one() -> None:
    a, b = pair(1, 600, 0.5, 0.8)
    verdict = compare(a, b, names=("old", "new"), resamples=500)
    assert verdict.p_value < 1e-4
    assert verdict.accuracy.interval[0] > 0
    assert verdict.conclusion.startswith(
        "On the 600 faces of PrivateTest, new is more accurate than old by "
    )
    turned = compare(b, a, names=("new", "old"), resamples=500)
    assert turned.conclusion.startswith(
        "On the 600 faces of PrivateTest, new is more accurate than old by "
    )


def test_the_same_model_twice_is_no_difference() -> None:
    a, _ = pair(2, 50, 0.6, 0.6)
    verdict = compare(a, a, resamples=100)
    assert verdict.p_value == 1
    assert verdict.accuracy.value == verdict.macro_f1.value == 0
    assert verdict.accuracy.interval == (0, 0)
    assert "exactly the same ones" in verdict.conclusion


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), faces=st.integers(2, 80))
def test_turning_the_two_around_turns_the_signs(seed: int, faces: int) -> None:
    a, b = pair(seed, faces, 0.4, 0.7)
    forth, back = compare(a, b, resamples=100), compare(b, a, resamples=100)
    assert forth.p_value == pytest.approx(back.p_value)
    assert forth.accuracy.value == pytest.approx(-back.accuracy.value)
    assert forth.macro_f1.value == pytest.approx(-back.macro_f1.value)
    assert (forth.only_a_right, forth.only_b_right) == (back.only_b_right, back.only_a_right)
    counted = forth.both_right + forth.only_a_right + forth.only_b_right + forth.both_wrong
    assert counted == forth.faces == faces
    low, high = forth.accuracy.interval
    assert -1 <= low <= high <= 1


def test_the_interval_is_that_of_paired_differences() -> None:
    a, b = pair(3, 2000, 0.6, 0.65)
    verdict = compare(a, b, resamples=2000)
    differences = (b.predicted == b.labels).astype(int) - (a.predicted == a.labels)
    half = 1.96 * differences.std() / np.sqrt(len(differences))
    low, high = verdict.accuracy.interval
    assert low == pytest.approx(differences.mean() - half, abs=0.003)
    assert high == pytest.approx(differences.mean() + half, abs=0.003)


def test_the_seed_decides_the_draws() -> None:
    a, b = pair(4, 100, 0.5, 0.6)
    first = compare(a, b, resamples=200, seed=1)
    assert compare(a, b, resamples=200, seed=1) == first
    assert compare(a, b, resamples=200, seed=2).macro_f1 != first.macro_f1


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), faces=st.integers(2, 60))
def test_macro_f1_of_many_draws_is_scikit_learns(seed: int, faces: int) -> None:
    rng = np.random.default_rng(seed)
    truth, said = rng.integers(0, 4, (2, 3, faces)).astype(np.int16)
    found = macro_f1(truth, said, 4, axis=-1)
    for row in range(3):
        present = np.unique(truth[row])
        wanted = f1_score(truth[row], said[row], labels=present, average="macro", zero_division=0.0)
        assert found[row] == pytest.approx(wanted)


def test_faces_and_classes_go_by_name_in_any_order() -> None:
    a, b = pair(5, 60, 0.5, 0.7)
    verdict = compare(a, b, resamples=100)
    order = np.random.default_rng(0).permutation(60)
    turned = Predictions(
        class_names=NAMES[::-1],
        paths=tuple(b.paths[i] for i in order),
        labels=2 - b.labels[order],
        probabilities=b.probabilities[order][:, ::-1],
    )
    assert compare(a, turned, resamples=100) == verdict


def test_what_cannot_be_compared_is_said() -> None:
    a, b = pair(6, 30, 0.5, 0.5)
    fewer = Predictions(NAMES, b.paths[:-1], b.labels[:-1], b.probabilities[:-1])
    with pytest.raises(DataError, match="30 faces and B on 29, with 29 in common"):
        compare(a, fewer)
    relabelled = dataclasses.replace(b, labels=(b.labels + 1) % 3)
    with pytest.raises(DataError, match="different labels for 30 faces"):
        compare(a, relabelled)
    one = Predictions(NAMES, a.paths[:1], a.labels[:1], a.probabilities[:1])
    with pytest.raises(DataError, match="at least two faces"):
        compare(one, one)


def test_p_values_are_written_so_that_none_is_zero() -> None:
    assert [format_p(p) for p in (1.0, 0.0312, 0.00042, 1e-12)] == [
        "= 1",
        "= 0.031",
        "= 0.00042",
        "< 0.0001",
    ]


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders as `mien evaluate` leaves them."""
    folders = []
    for name, predictions in zip(("old", "new"), pair(7, 200, 0.4, 0.8), strict=True):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "predictions.csv").write_text(predictions.to_csv(), encoding="utf-8")
        folders.append(folder)
    return folders[0], folders[1]


@pytest.mark.slow
def test_the_command_compares_tables_without_data(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tables
    words = ["compare", str(old), str(new / "predictions.csv")]
    assert main(words) == 0
    assert "new is more accurate than old" in " ".join(capsys.readouterr().out.split())
    assert main([*words, "--json", "--output", str(tmp_path / "out")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "compare.json").read_text())
    assert set(printed) > {field.name for field in dataclasses.fields(Comparison)}
    assert printed["b"]["name"] == "new"
    assert main([*words, "--split", "test"]) == 2
    assert "omit --data and --split" in " ".join(capsys.readouterr().err.split())


def test_tables_side_by_side_are_told_apart_by_their_own_names(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (folder / "predictions.csv" for folder in tables)
    first = tmp_path / "first-predictions.csv.gz"
    first.write_bytes(gzip.compress(old.read_bytes()))
    assert main(["compare", str(first), str(new.rename(tmp_path / "second.csv"))]) == 0
    assert "second is more accurate than first" in " ".join(capsys.readouterr().out.split())


def test_a_compressed_table_that_is_damaged_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "cut-predictions.csv.gz"
    for content in (b"no gzip", gzip.compress(b"path,label" * 99)[:-9], gzip.compress(b"a,b")):
        path.write_bytes(content)
        with pytest.raises(DataError, match="cut-predictions"):
            read_predictions(path)


def test_the_command_asks_a_model_about_the_data(
    tables: tuple[Path, Path], tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tiny_model), str(tables[0])]) == 2
    assert "--data is required" in capsys.readouterr().err
