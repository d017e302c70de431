"""A recipe is read strictly, and the config that a run writes is a recipe again."""

import re
import tomllib
from pathlib import Path

import pytest

from mien.errors import ConfigError
from mien.training.config import Stage, TrainConfig
from mien.training.recipes import FOLDER, RECIPES, config_from_dict, find_recipe, read_config

STUDY = Path(__file__).parents[2] / "benchmarks" / "recipes"


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_that_ships_is_read_by_name_and_opens_with_its_command(name):
    assert read_config(name).name == name
    assert f"mien train --recipe {name} " in find_recipe(name).read_text(encoding="utf-8")


def test_every_recipe_that_ships_has_its_name():
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(RECIPES)


@pytest.mark.parametrize("recipe", sorted(STUDY.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_study_opens_with_its_command(recipe):
    assert read_config(recipe).name == recipe.stem
    command = f"mien train --recipe benchmarks/recipes/{recipe.name} "
    assert command in recipe.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("fine-tun", "did you mean 'fine-tune'?"),
        ("recipes/fine-tune.toml", "did you mean 'fine-tune'?"),
        ("fine-tune.toml", "did you mean 'fine-tune'?"),
        ("mine.toml", "mien ships cnn-lstm, baseline, fine-tune, accurate, fast, smoke;"),
    ],
)
def test_a_recipe_that_is_not_there_gets_a_suggestion(given, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(hint)):
        read_config(given)


def test_a_dense_head_says_what_to_set_and_that_works():
    change = ["model.head=dense"]
    with pytest.raises(ConfigError) as caught:
        read_config("cnn-lstm", change)
    (setting,) = re.findall(r"--set '([^']+)'", str(caught.value))
    config = read_config("cnn-lstm", [*change, setting])
    assert config.stages == (Stage(48, 70),)
    assert config.model == read_config("baseline").model


def test_the_config_of_a_run_is_a_recipe_for_it():
    config = TrainConfig(stages=(Stage(32, 2), Stage(48, 3)), seed=7, learning_rate=3e-4)
    assert config_from_dict(tomllib.loads(config.to_toml())) == config
    assert config_from_dict(config.to_dict()) == config


def test_an_epoch_knows_its_size():
    config = TrainConfig(stages=(Stage(32, 2), Stage(48, 1)))
    assert [config.size_at(epoch) for epoch in range(4)] == [32, 32, 48, 48]
    assert config.epochs == 3


def test_overrides_are_toml_values_or_plain_words(tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text("seed = 1\n[model]\nunits = 8\n")
    changes = ["seed=5", "model.units = 16", "model.head=dense", "augment.horizontal_flip=false"]
    config = read_config(recipe, changes)
    assert (config.seed, config.model.units, config.model.head) == (5, 16, "dense")
    assert not config.augment.horizontal_flip


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"lerning_rate": 1.0}, "did you mean 'learning_rate'"),
        ({"model": {"width": [1]}}, "did you mean 'widths'"),
        ({"seed": "one"}, "seed must be a int"),
        ({"seed": True}, "seed must be a int"),
        ({"model": 3}, "model must be a ModelConfig"),
        ({"model": {"head": "gru"}}, "one of lstm, dense"),
        ({"model": {"widths": [8, 8]}}, "one number per block"),
        ({"model": {"units": 0}}, "at least 1"),
        ({"label_smoothing": 1.0}, "at least 0 and under 1"),
        ({"learning_rate": 0.0}, "over 0"),
        ({"augment": {"erasing": 2.0}}, "from 0 to 1"),
        ({"augment": {"blur": 4.0}}, "from 0 to 3"),
        ({"class_balance": 1.5}, "from 0 to 1"),
        ({"mixup": -0.1}, "0 or more"),
        ({"weight_decay": -0.1}, "weight_decay must be 0 or more"),
        ({"early_stopping": -1}, "early_stopping must be 0 or more"),
        ({"augment": {"rotation_degrees": -5.0}}, "rotation_degrees must be 0 or more"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seed": 2**60}, "seed must be from 0"),
        ({"mixup": 0.2, "cutmix": 1.0}, "set only one of them"),
        ({"distillation": 0.5}, "require each other"),
        ({"teachers": ["p.csv"]}, "require each other"),
        ({"teachers": ["p.csv", "fast"], "distillation": 0.5}, "tables .* or networks"),
        ({"label_weight": 0.3}, "set votes too"),
        ({"votes": "v.csv", "label_weight": -0.3}, "label_weight must be 0 or more"),
        (
            {"votes": "v.csv", "teachers": ["p.csv"], "distillation": 0.5},
            "networks as teachers instead of tables",
        ),
        ({"model": {"bidirectional": True, "units": 15}}, "must be even"),
        (
            {
                "model": {"scan": "rows"},
                "stages": [{"size": 40, "epochs": 1}, {"size": 48, "epochs": 1}],
            },
            "requires faces of 48 px",
        ),
        ({"stages": []}, "stages must be at least 1"),
        ({"stages": [{"size": 44, "epochs": 1}]}, "steps of 8"),
        ({"stages": [{"size": 40, "epochs": 1}]}, "last stage must train at 48"),
        ({"stages": [{"size": 48}]}, "incomplete"),
        (
            {
                "model": {"head": "dense"},
                "stages": [{"size": 40, "epochs": 1}, {"size": 48, "epochs": 1}],
            },
            "requires faces of 48 px",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(table, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config_from_dict(table)


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"seed = ", "not valid TOML"), (b"\xff\xfe", "not valid TOML")]
)
def test_a_file_that_is_no_recipe(tmp_path, content, sentence):
    path = tmp_path / "r.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        read_config(path)
    with pytest.raises(ConfigError, match="there is no recipe"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize("override", ["seed", "=1", "seed.deep=1"])
def test_an_override_that_makes_no_sense(tmp_path, override):
    recipe = tmp_path / "r.toml"
    recipe.write_text("seed = 1\n")
    with pytest.raises(ConfigError):
        read_config(recipe, [override])
