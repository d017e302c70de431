"""Votes are joined with any form of FER2013: by row, by pixels, by path."""

import io

import numpy as np
import pytest
from PIL import Image

from mien.data.datasets import load_dataset
from mien.data.vote_table import join_votes, write_votes
from mien.data.votes import read_votes
from mien.errors import DataError

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
USAGES = ("Training", "Training", "PublicTest", "PrivateTest", "PrivateTest", "Training")
CLASSES = (0, 3, 3, 0, 3, 3)  # angry and happy


@pytest.fixture
def forms(tmp_path):
    """The same six faces as fer2013.csv, as FER+'s table, and as Kaggle's folders of JPEGs."""
    rng = np.random.default_rng(0)
    faces = []
    for _ in USAGES:  # smooth, as faces are: JPEG keeps them
        small = Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8))
        faces.append(np.asarray(small.resize((48, 48), Image.Resampling.BICUBIC)))
    faces[5] = faces[1]  # a duplicate in its split and class
    rows = [
        f"{label},{' '.join(map(str, face.ravel()))},{usage}"
        for label, face, usage in zip(CLASSES, faces, USAGES, strict=True)
    ]
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n" + "\n".join(rows) + "\n")
    votes = [
        f"{usage},fer{row}.png,{row},0,0,0,{9 - row},0,0,0,0,1" for row, usage in enumerate(USAGES)
    ]
    (tmp_path / "fer2013new.csv").write_text("\n".join((HEADER, *votes)) + "\n")
    paths = []
    for row, (label, face, usage) in enumerate(zip(CLASSES, faces, USAGES, strict=True)):
        half = "train" if usage == "Training" else "test"
        path = f"{half}/{'happy' if label else 'angry'}/{usage}_{900 - row}.jpg"
        (tmp_path / "kaggle" / path).parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        Image.fromarray(face).save(content, "JPEG", quality=90)
        (tmp_path / "kaggle" / path).write_bytes(content.getvalue())
        paths.append(path)
    return tmp_path, paths


def test_by_row(forms):
    folder, _ = forms
    joined = join_votes(folder / "fer2013new.csv", load_dataset(folder / "fer2013.csv"))
    assert joined.unjoined == ()
    assert joined.votes.class_names == ("angry", "happy")
    rows = [int(path.split("/")[-1]) - 2 for path in joined.votes.paths]
    assert joined.votes.counts[:, 0].tolist() == [9 - row for row in rows]
    (folder / "votes.csv").write_text(write_votes(joined.votes))
    again = read_votes(folder / "votes.csv", ("angry", "happy"))
    assert again.paths == joined.votes.paths
    assert np.array_equal(again.counts, joined.votes.counts)
    assert again.others[:, 2].tolist() == [1] * 6


def test_by_pixels(forms):
    folder, paths = forms
    kaggle = load_dataset(folder / "kaggle")
    with pytest.raises(DataError, match=r"--pixels fer2013\.csv"):
        join_votes(folder / "fer2013new.csv", kaggle)
    joined = join_votes(folder / "fer2013new.csv", kaggle, load_dataset(folder / "fer2013.csv"))
    angry = joined.votes.counts[:, kaggle.class_names.index("angry")]
    found = {path: 9 - count for path, count in zip(joined.votes.paths, angry, strict=True)}
    for row in (0, 2, 3, 4):
        assert found[paths[row]] == row
    assert {found[paths[1]], found[paths[5]]} == {1, 5}  # duplicates get one row each


def test_what_is_not_joined_is_named(forms):
    folder, paths = forms
    kaggle = load_dataset(folder / "kaggle")
    joined = join_votes(folder / "fer2013new.csv", kaggle, load_dataset(folder / "fer2013.csv"))
    (folder / "votes.csv").write_text(write_votes(joined.votes).replace(paths[3], "elsewhere.jpg"))
    again = join_votes(folder / "votes.csv", kaggle)
    assert again.unjoined == (paths[3],)
    short = "\n".join((folder / "fer2013new.csv").read_text().splitlines()[:4]) + "\n"
    (folder / "fer2013new.csv").write_text(short)
    with pytest.raises(DataError, match="has 3 rows, fewer than"):
        join_votes(folder / "fer2013new.csv", load_dataset(folder / "fer2013.csv"))
