"""Tests of what runs the study's trainings, on drawn faces."""

import json
import shutil

import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

from filelock import FileLock

import study
from drawn_faces import drawn_dataset

pytestmark = pytest.mark.slow

RECIPE = """
name = "tiny"
stages = [{ size = 48, epochs = 1 }]
batch_size = 14
precision = "float32"
[model]
widths = [4, 4, 8]
depths = [1, 1, 1]
units = 8
"""
GROUP = """
[tiny]
question = "Is one network better than another?"
recipe = "RECIPE"
seeds = [1, 2]
reference = "plain"
votes = true
[tiny.rows]
"plain" = []
"pooled" = ["model.head=pool"]
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the group; give what it wrote down."""
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE)
    groups = tmp_path / "groups.toml"
    groups.write_text(GROUP.replace("RECIPE", str(recipe)))
    monkeypatch.setattr(study, "GROUPS", groups)
    monkeypatch.setattr(study, "RESULTS", tmp_path)
    monkeypatch.setattr(study, "load_dataset", lambda _: drawn_dataset())

    def run():
        study.main(["tiny", "--data", "drawn", "--runs", str(tmp_path / "runs")])
        return json.loads((tmp_path / "tiny.json").read_text())["runs"]

    return run


def name_runs(runs):
    return [(run["row"], run["seed"]) for run in runs]


def test_processes_share_a_group_without_doing_a_run_twice(run, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    with FileLock(tmp_path / "runs" / "tiny-model-head-pool-seed-1.lock"):  # another process has it
        done = [("plain", 1), ("plain", 2), ("pooled", 2), ("plain, vote of the seeds", None)]
        assert name_runs(run()) == done
    trained = []
    fit = study.fit
    monkeypatch.setattr(study, "fit", lambda *a, **k: trained.append(a[2].name) or fit(*a, **k))
    runs = run()
    assert trained == ["tiny-model-head-pool-seed-1"]
    votes = [("plain, vote of the seeds", None), ("pooled, vote of the seeds", None)]
    assert name_runs(runs) == [("plain", 1), ("pooled", 1), ("plain", 2), ("pooled", 2), *votes]
    assert run() == runs


def test_weights_that_are_kept_are_judged_without_training(run, tmp_path, monkeypatch):
    groups = tmp_path / "groups.toml"
    groups.write_text(groups.read_text().replace("votes = true", "votes = true\nkeep = true"))
    first = run()
    shutil.rmtree(tmp_path / "runs")
    (tmp_path / "tiny.json").unlink()
    monkeypatch.setattr(study, "fit", None)
    again = run()  # the kept weights are in half precision
    assert [row["right"] for row in again] == [row["right"] for row in first]
    for key in ("nll", "ece"):
        assert [row[key] for row in again] == pytest.approx([row[key] for row in first], abs=1e-3)


def test_a_run_whose_row_was_changed_is_done_again(run, tmp_path):
    before = run()
    groups = tmp_path / "groups.toml"
    groups.write_text(groups.read_text().replace("model.head=pool", "model.head=dense"))
    after = run()
    assert name_runs(after) == name_runs(before)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False] * 3  # votes too
    assert after[1]["changes"] == ["model.head=dense", "seed=1"]
