"""A model is judged by people's votes as the protocol says, and by their shares."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")


from mien.data.predictions import Predictions, read_predictions
from mien.data.votes import Votes, read_votes
from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.evaluation.vote_figures import judge_by_votes
from study_files import advise_missing

ROOT = Path(__file__).parents[2]
TABLE = ROOT.parent / "shared" / "data" / "ferplus_votes.csv"
CLASSES = ("a", "b", "c")


def predictions(*rows: tuple[float, float, float]) -> Predictions:
    """Make a model's answers to faces 0, 1, ..., all labelled "a"."""
    paths = tuple(map(str, range(len(rows))))
    return Predictions(CLASSES, paths, np.zeros(len(rows), np.int64), np.array(rows))


def votes(words: tuple[str, ...], *rows: tuple[int, ...]) -> Votes:
    """Make votes on faces 0, 1, ...: a count for each word, then contempt, unknown, no face."""
    table, paths = np.array(rows), tuple(map(str, range(len(rows))))
    return Votes(paths, words, table[:, : len(words)], table[:, len(words) :])


def test_answers_are_counted_against_plurality_and_majority():
    said = predictions((0.7, 0.2, 0.1), (0.2, 0.7, 0.1), (0.2, 0.7, 0.1), (1, 0, 0), (1, 0, 0))
    asked = votes(
        CLASSES,
        (8, 2, 0, 0, 0, 0),  # right by both
        (4, 3, 3, 0, 0, 0),  # wrong by plurality, without a majority
        (0, 9, 0, 0, 0, 1),  # right by both
        (0, 0, 0, 5, 5, 0),  # no word; contempt is no majority
    )
    found = judge_by_votes(said, asked)
    assert (found.plurality.correct, found.plurality.faces) == (2, 3)
    assert (found.majority.correct, found.majority.faces) == (2, 2)
    assert (found.faces_without_votes, found.faces_without_word) == (1, 1)
    assert found.label_agreement == pytest.approx(2 / 3)
    assert found.plurality.per_class["b"].recall == 1
    low, high = found.plurality_macro_f1_interval
    assert 0 <= low <= found.plurality.macro_f1 <= high <= 1
    assert (found.eight_classes.correct, found.eight_classes.faces) == (2, 2)
    distances = [
        -0.8 * np.log(0.7) - 0.2 * np.log(0.2),
        -0.4 * np.log(0.2) - 0.3 * np.log(0.7) - 0.3 * np.log(0.1),
        -np.log(0.7),
    ]
    assert found.cross_entropy == pytest.approx(np.mean(distances))
    entropies = [0.5004024, 1.0889000, 0]
    assert found.entropy == pytest.approx(np.mean(entropies), abs=1e-6)


def test_contempt_is_always_wrong_for_a_model_without_the_word():
    found = judge_by_votes(
        predictions((1, 0, 0), (1, 0, 0)), votes(CLASSES, (9, 0, 0, 1, 0, 0), (1, 0, 0, 9, 0, 0))
    )
    assert (found.eight_classes.correct, found.eight_classes.faces) == (1, 2)


def test_words_go_by_name():
    said = predictions((0.1, 0.2, 0.7))
    assert judge_by_votes(said, votes(("c", "a"), (9, 1, 0, 0, 0))).plurality.correct == 1
    with pytest.raises(DataError, match="the model does not know d"):
        judge_by_votes(said, votes(("a", "d"), (9, 1, 0, 0, 0)))
    elsewhere = Votes(("other",), ("a",), np.array([[9]]), np.zeros((1, 3), int))
    with pytest.raises(DataError, match="votes match no face"):
        judge_by_votes(said, elsewhere)


@pytest.mark.skipif(not TABLE.is_file(), reason="needs the votes on FER2013")
def test_the_baseline_on_private_test():
    path = ROOT / "benchmarks" / "accuracy" / "cnn-lstm-predictions.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is missing; {advise_missing(path)}")
    said = read_predictions(path)
    found = judge_by_votes(said, read_votes(TABLE, EMOTIONS))
    assert (found.plurality.faces, found.majority.faces) == (3572, 3136)
    assert found.eight_classes.faces == 3152
    assert found.entropy == pytest.approx(0.4847, abs=1e-4)
    assert found.label_agreement == pytest.approx(0.6400, abs=1e-4)
    assert found.cross_entropy > found.entropy
