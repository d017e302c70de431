"""Tests of corrupted faces, and of what is said about a model that reads them."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

from rich.console import Console

from drawn_faces import drawn_dataset
from labelled_images import kaggle_files, write_zip
from mien.cli import main
from mien.cli.reports import print_robustness
from mien.emotions import EMOTIONS
from mien.errors import ConfigError, InputError
from mien.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.evaluation.robustness import count_readings, measure_robustness
from tiny_model import write_tiny_model

DATASET = drawn_dataset(validation=6)
FACES = DATASET.splits["validation"].images


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_is_worse_than_the_one_before(name):
    distances = []
    for severity in SEVERITIES:
        changed = corrupt(FACES, name, severity)
        assert changed.shape == FACES.shape
        assert changed.dtype == np.uint8
        distances.append(np.abs(changed.astype(float) - FACES).mean())
    assert distances == sorted(distances)
    assert 0 < distances[0] < distances[-1]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_face_is_corrupted_alike_in_any_company(name):
    together = corrupt(FACES, name, 3)
    alone = corrupt(FACES[7:8], name, 3)
    assert np.array_equal(together[7], alone[0])
    assert np.array_equal(together[::-1], corrupt(FACES[::-1], name, 3))


def test_another_seed_draws_otherwise():
    for name in ("noise", "low light", "occlusion", "rotation"):
        assert not np.array_equal(corrupt(FACES, name, 3), corrupt(FACES, name, 3, seed=1))


def test_what_is_asked_wrongly_is_said():
    with pytest.raises(ConfigError, match="unknown corruption 'fog'; choose one of blur, noise"):
        corrupt(FACES, "fog", 1)
    with pytest.raises(ConfigError, match="severity must be 1 to 5, got 6"):
        corrupt(FACES, "blur", 6)
    with pytest.raises(InputError, match="uint8, got"):
        corrupt(FACES.astype(float), "blur", 1)


class Templates:
    """A model that knows the mean face of each class."""

    class_names = EMOTIONS
    temperature = 1.0
    abstention_threshold = None

    def __init__(self):
        train = DATASET.splits["train"]
        groups = (train.images[train.labels == label] for label in range(len(EMOTIONS)))
        self.means = np.stack([group.mean(axis=0).ravel() for group in groups])

    def predict_logits(self, faces):
        vectors = faces.reshape(len(faces), 1, -1).astype(np.float64)
        return (-((vectors - self.means) ** 2).mean(axis=2) / 40).astype(np.float32)


@pytest.mark.slow
def test_a_model_gets_worse_with_the_picture_and_everything_is_counted():
    done = []
    split = DATASET.splits["validation"]
    found = measure_robustness(Templates(), split, class_names=EMOTIONS, advance=done.append)
    assert sum(done) == count_readings(split) == 41 * 42
    assert found.mean_accuracy < found.clean.accuracy
    assert found.accuracy_under("blur") == pytest.approx(
        np.mean([figures.accuracy for figures in found.corrupted["blur"]])
    )
    told = json.loads(found.to_json())
    assert list(told["corruptions"]) == list(CORRUPTIONS)
    worst = told["corruptions"]["rotation"]["severities"][-1]
    assert (worst["severity"], worst["parameter"]) == (5, 60)
    assert set(worst["recall"]) == set(EMOTIONS)
    console = Console(width=80, record=True, force_terminal=False)
    print_robustness(found, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("low resolution" in line for line in lines) == 2


@pytest.mark.slow
def test_the_command_adds_them_to_the_folder(tmp_path, capsys):
    data = write_zip(tmp_path / "data.zip", kaggle_files())
    model = write_tiny_model(tmp_path)
    output = tmp_path / "out"
    words = ["evaluate", str(model), "--data", str(data), "--corruptions"]
    assert main([*words, "--output", str(output)]) == 0
    assert "accuracy under" in capsys.readouterr().out
    told = json.loads((output / "corruptions.json").read_text())
    assert told["model"]["name"] == "tiny"
    assert told["data"]["title"] == "PublicTest"
    assert "--corruptions" in told["command"]
    page = (output / "evaluation.html").read_text()
    assert "Robustness to corruptions" in page
    assert (output / "corruptions.png").stat().st_size > 10_000
