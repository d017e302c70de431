"""What several raters of one's own faces say of each other and of the labels."""

import json

import numpy as np
import pytest
from PIL import Image

from mien.cli import main
from mien.data.raters import find_fleiss_kappa, find_votes, measure_raters

pytest.importorskip("statsmodels")

FLEISS = np.array(  # ten subjects, fourteen raters, five answers
    [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
)


def test_kappa_is_that_of_the_textbook():
    assert find_fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)
    assert find_fleiss_kappa(np.array([(3, 0), (3, 0)])) is None
    assert find_fleiss_kappa(np.array([(3, 0), (0, 3)])) == pytest.approx(1)


def test_only_faces_with_the_most_common_number_of_raters_count():
    more = np.vstack([FLEISS, (1, 1, 0, 0, 0), (0, 0, 0, 0, 0)])
    found = measure_raters(more, ("a", "b", "c", "d", "e"))
    assert (found.items, found.raters) == (10, 14)
    assert found.kappa == pytest.approx(0.210, abs=5e-4)
    one = np.column_stack([FLEISS[:, 0], 14 - FLEISS[:, 0]])
    assert found.by_word["a"] == pytest.approx(find_fleiss_kappa(one))
    assert measure_raters(np.array([(1, 0), (0, 1)]), ("a", "b")) is None


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("calm", "glad"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(6):
            face = rng.integers(0, 255, (48, 48), dtype=np.uint8)
            Image.fromarray(face).save(tmp_path / "faces" / name / f"{number}.png")
    return tmp_path / "faces"


def write_votes(path):
    """All call glad faces glad; two of three call calm faces glad, too."""
    rows = [f"calm/{n}.png,1,2,0" for n in range(6)] + [f"glad/{n}.png,0,3,0" for n in range(5)]
    path.write_text("\n".join(["path,calm,glad,NF", *rows, "glad/9.png,0,3,0"]) + "\n")


@pytest.mark.parametrize("beside", [True, False])
def test_the_audit_finds_votes_and_says_what_they_tell(folder, beside, capsys):
    assert find_votes(folder) is None
    write_votes((folder.parent if beside else folder) / "votes.csv")
    main(["data", "audit", str(folder), "--json"])
    found = json.loads(capsys.readouterr().out)
    votes = found["votes"]
    assert (votes["faces"], votes["without"], votes["unknown"]) == (11, 1, 1)
    assert votes["labels_agree"] == {"calm": 0.0, "glad": 1.0}
    assert (votes["raters"]["items"], votes["raters"]["raters"]) == (11, 3)
    titles = [one["title"] for one in found["findings"]]
    assert "raters mostly disagree with the labels of calm" in titles
    assert "votes.csv has votes on 11 faces" in titles


def test_votes_that_do_not_fit_are_a_warning(folder, capsys):
    (folder / "votes.csv").write_text("path,calm\na.png,1\n")
    main(["data", "audit", str(folder)])
    told = capsys.readouterr().out
    assert "votes.csv is not used" in told
    assert "no column glad" in told


def test_without_the_extra_the_audit_says_what_to_install(folder, monkeypatch, capsys):
    write_votes(folder / "votes.csv")
    monkeypatch.setitem(__import__("sys").modules, "statsmodels.stats.inter_rater", None)
    main(["data", "audit", str(folder)])
    assert "pip install 'mien[study]'" in " ".join(capsys.readouterr().out.split())
