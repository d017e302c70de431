"""Tests of what says whether a repeated training came out as published, on drawn faces."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")


import reproduce
from drawn_faces import drawn_dataset
from labelled_images import encode, write_zip
from mien.evaluation.predictor import file_sha256
from mien.model.recognizer import ASSETS
from mien.training.recipes import RECIPES, find_recipe

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

RECIPE = """
name = "small"
stages = [{ size = 48, epochs = 2 }]
batch_size = 14
precision = "float32"
[model]
widths = [4, 4, 8]
depths = [1, 1, 1]
units = 32
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Drawn faces as a zip."""
    dataset = drawn_dataset(per_class=4, validation=2)
    names = {"train": "train", "validation": "val", "test": "test"}
    files = {
        path.replace(f"{name}/", f"{names[name]}/", 1): encode(image)
        for name, split in dataset.splits.items()
        for path, image in zip(split.paths, split.images, strict=True)
    }
    return write_zip(tmp_path_factory.mktemp("data") / "faces.zip", files)


def publish(folder, sha256, *, accuracy=0.5, interval=(0.0, 1.0), training=None):
    single = {"accuracy": accuracy, "accuracy_interval": interval}
    told = {
        "views": {"single": single},
        "data": {"source_sha256": sha256},
        "model": {"training": training or {}},
    }
    (folder / "small.json").write_text(json.dumps(told))


def test_it_trains_exports_evaluates_and_judges_and_goes_on_where_it_was(data, tmp_path, capsys):
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE)
    publish(tmp_path, file_sha256(data))
    words = ["small", "--data", str(data), "--recipe", str(recipe), "--published", str(tmp_path)]
    words += ["--output", str(tmp_path / "work")]
    assert reproduce.run(words) == 0
    assert "is inside the published 0.00 to 100.00 %" in capsys.readouterr().out
    history = (tmp_path / "work" / "run" / "history.csv").read_text()
    publish(tmp_path, file_sha256(data), interval=(0.99, 1.0))
    assert reproduce.run(words) == 1  # trained already: only the verdict is another
    assert "is below the published" in capsys.readouterr().out
    assert (tmp_path / "work" / "run" / "history.csv").read_text() == history


def test_a_model_is_exported_as_the_published_one_was(data, tmp_path):
    (tmp_path / "small.toml").write_text(RECIPE)
    publish(tmp_path, file_sha256(data), training={"int8": {}, "half": {}})
    words = ["small", "--data", str(data), "--recipe", str(tmp_path / "small.toml")]
    words += ["--published", str(tmp_path), "--output", str(tmp_path / "work")]
    assert reproduce.run(words) == 0
    content = (tmp_path / "work" / "model" / "small.onnx").read_bytes()
    assert b"QuantizeLinear" in content
    assert b"_half" in content


def test_teachers_and_theirs_are_trained_first_by_their_recipes(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elder.toml").write_text(RECIPE)
    taught = 'teachers = ["runs/{}/train/predictions.csv"]\ndistillation = 0.5\n'
    (tmp_path / "tutor.toml").write_text(taught.format("elder") + RECIPE)
    begun = 'start = "runs/elder/run/best.safetensors"\n'
    (tmp_path / "small.toml").write_text(begun + taught.format("tutor") + RECIPE)
    publish(tmp_path, file_sha256(data))
    words = ["small", "--data", str(data), "--recipe", "small.toml", "--published", str(tmp_path)]
    assert reproduce.run(words) == 0
    assert (tmp_path / "runs" / "elder" / "train" / "predictions.csv").is_file()
    assert (tmp_path / "runs" / "tutor" / "train" / "predictions.csv").is_file()
    assert "distillation = 0.0" in (tmp_path / "runs/elder/run/config.toml").read_text()
    for name in ("tutor", "reproduce-small"):
        assert "distillation = 0.5" in (tmp_path / f"runs/{name}/run/config.toml").read_text()

    # A start that was killed has weights, too; it is finished first.
    (tmp_path / "runs" / "elder" / "train" / "predictions.csv").unlink()
    assert reproduce.run(words) == 0
    assert (tmp_path / "runs" / "elder" / "train" / "predictions.csv").is_file()


def test_networks_that_teach_are_trained_first_unless_they_lie_elsewhere(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elder.toml").write_text(RECIPE)
    kept = tmp_path / "kept" / "full" / "one" / "last.safetensors"
    kept.parent.mkdir(parents=True)
    taught = 'teachers = ["runs/elder/run/best.safetensors", "kept/full/one/last.safetensors"]\n'
    (tmp_path / "small.toml").write_text(taught + "distillation = 1.0\n" + RECIPE)
    publish(tmp_path, file_sha256(data))
    words = ["small", "--data", str(data), "--recipe", "small.toml", "--published", str(tmp_path)]
    assert reproduce.run(words) == 2
    assert f"needs {kept.relative_to(tmp_path)}, which is not there" in capsys.readouterr().err
    kept.write_bytes((ASSETS / "fast.safetensors").read_bytes())
    assert reproduce.run(words) == 0
    assert (tmp_path / "runs" / "elder" / "train" / "predictions.csv").is_file()
    assert not (tmp_path / "kept" / "full" / "train").exists()


def test_data_that_is_missing_or_another_is_refused_before_any_work(data, tmp_path, capsys):
    publish(tmp_path, "0" * 64)
    words = ["small", "--published", str(tmp_path), "--output", str(tmp_path / "work")]
    assert reproduce.run([*words, "--data", str(tmp_path / "none.zip")]) == 2
    assert "download FER2013 from https://www.kaggle.com" in capsys.readouterr().err
    assert reproduce.run([*words, "--data", str(data)]) == 2
    assert "has the SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
    assert reproduce.run(["other", "--published", str(tmp_path)]) == 2
    assert "does not say what was published of other" in capsys.readouterr().err


def test_a_run_above_the_interval_is_outside_as_well(tmp_path):
    publish(tmp_path, "0" * 64, accuracy=0.7, interval=(0.685, 0.715))
    found = reproduce.read_published(tmp_path, "small")
    assert reproduce.judge("small", 0.71, found)[0]
    outside, sentence = reproduce.judge("small", 0.72, found)
    assert not outside
    assert "is above the published 68.50 to 71.50 %" in sentence


def test_a_model_of_votes_is_judged_by_votes_and_wants_them_first(data, tmp_path, capsys):
    publish(tmp_path, file_sha256(data), accuracy=0.4)
    told = json.loads((tmp_path / "small.json").read_text())
    told |= {"labels": "votes", "votes": {"plurality": {"accuracy": 0.8}}}
    told["votes"]["plurality"]["accuracy_interval"] = (0.7, 0.9)
    (tmp_path / "small.json").write_text(json.dumps(told))
    assert reproduce.read_published(tmp_path, "small").accuracy == 0.8

    recipe = tmp_path / "small.toml"
    recipe.write_text(f'votes = "{tmp_path / "none.csv"}"' + RECIPE)
    words = ["small", "--data", str(data), "--recipe", str(recipe), "--published", str(tmp_path)]
    assert reproduce.run(words) == 2
    assert "learns from the votes" in capsys.readouterr().err


def test_the_recipes_that_make_repeats_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"reproduce\.py (\w+)", makefile):
        assert name in RECIPES


def test_what_a_recipe_needs_is_found_among_all_of_them():
    fast = find_recipe("fast")
    assert reproduce.find_own("fast-first", fast) == reproduce.STUDY / "fast-first.toml"
    assert reproduce.find_own("cnn-lstm", reproduce.STUDY / "large.toml") == find_recipe("cnn-lstm")
    assert reproduce.find_own("full", fast) is None
