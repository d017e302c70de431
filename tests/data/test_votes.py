"""Votes are read by name, and the protocol that judges by them is the one that is written down."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.votes import NO_WORD, OTHERS, Votes, read_votes
from mien.emotions import EMOTIONS
from mien.errors import DataError

WORDS = ("a", "b", "c")


def votes(*rows: tuple[int, ...]) -> Votes:
    """Make votes of rows: a count for each of three words, then contempt, unknown, not a face."""
    table = np.array(rows)
    return Votes(tuple(map(str, range(len(rows)))), WORDS, table[:, :3], table[:, 3:])


def test_the_plurality_is_of_words_alone_and_the_first_of_equals():
    asked = votes((1, 4, 0, 0, 0, 5), (3, 3, 0, 0, 4, 0), (0, 0, 0, 2, 4, 4), (0, 0, 1, 0, 9, 0))
    assert asked.plurality().tolist() == [1, 0, NO_WORD, 2]


def test_a_majority_drops_single_votes_and_counts_the_other_answers():
    asked = votes(
        (5, 1, 1, 1, 1, 1),  # all singles go: five of five
        (5, 3, 2, 0, 0, 0),  # half is not more than half
        (6, 4, 0, 0, 0, 0),
        (5, 0, 0, 0, 5, 0),  # five do not know
        (1, 1, 1, 1, 1, 1),  # nothing is left
    )
    assert asked.majority().tolist() == [0, NO_WORD, 0, NO_WORD, NO_WORD]


def test_contempt_is_an_eighth_word_for_papers():
    asked = votes((4, 0, 0, 6, 0, 0)).with_contempt()
    assert asked.class_names[-1] == "contempt"
    assert asked.majority().tolist() == [3]
    assert asked.totals.tolist() == [10]


def test_shares_and_faces_that_are_none():
    asked = votes((2, 2, 0, 0, 4, 0), (0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 3, 6))
    assert asked.shares().tolist() == [[0.5, 0.5, 0], [0, 0, 0], [1, 0, 0]]
    assert asked.shares_of_all()[0].tolist() == [0.25, 0.25, 0]
    assert asked.mostly_no_face().tolist() == [False, False, True]
    assert asked.of(["2", "none"]).totals.tolist() == [10, 0]


def test_a_table_is_read_by_either_name(tmp_path: Path):
    table = tmp_path / "votes.csv"
    table.write_text("path,b,a,unknown\nx.jpg,1,2,3\n")
    asked = read_votes(table, ("a", "b"))
    assert asked.counts.tolist() == [[2, 1]]
    assert asked.others[0, OTHERS.index("unknown")] == 3
    header = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    table.write_text(f"path,{header}\nx.jpg,1,2,3,4,5,6,7,8,9,10\n")
    assert read_votes(table, EMOTIONS).counts.tolist() == [[5, 6, 7, 2, 1, 4, 3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,a\nx,1\n", "no column b"),
        ("name,a,b\nx,1,2\n", "no column path"),
        ("path,a,b\nx,1,two\n", "'two' as b in line 2, expected a whole number"),
        ("path,a,b\nx,1\n", "'' as b in line 2"),
        ("path,a,b\nx,1,-1\n", "'-1' as b in line 2"),
        ("path,a,b\nx,1,2\nx,1,2\n", "have x twice"),
    ],
)
def test_a_table_that_is_wrong_says_where(tmp_path: Path, text: str, words: str):
    table = tmp_path / "votes.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=words):
        read_votes(table, ("a", "b"))
    with pytest.raises(DataError, match="cannot be read"):
        read_votes(tmp_path / "none.csv", ("a", "b"))


SHARED = Path(__file__).parents[3] / "shared" / "data" / "ferplus_votes.csv"


@pytest.mark.skipif(not SHARED.is_file(), reason="needs the votes on FER2013")
@pytest.mark.slow
def test_the_protocol_counts_private_test_as_published():
    every = read_votes(SHARED, EMOTIONS)
    asked = every.of([path for path in every.paths if "/PrivateTest_" in path])
    assert (asked.plurality() != NO_WORD).sum() == 3572
    assert (asked.majority() != NO_WORD).sum() == 3136
    shares = asked.shares()[asked.plurality() != NO_WORD]
    logs = np.log(np.where(shares > 0, shares, 1))
    assert -(shares * logs).sum(axis=1).mean() == pytest.approx(0.485, abs=5e-4)
