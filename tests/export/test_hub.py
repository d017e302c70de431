"""A folder for the Hub is complete: its card is valid, and its example answers as mien does."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import mien
from mien.cli import main
from mien.export.hub import write_hub_folder


def load_example(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("example", folder / "example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_writes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "fast", "--hub", str(tmp_path / "hub")]) == 0
    names = sorted(path.name for path in (tmp_path / "hub").iterdir())
    assert names == ["README.md", "example.py", "fast.json", "fast.onnx"]
    assert "Add your license" in capsys.readouterr().out
    again = mien.Recognizer(tmp_path / "hub" / "fast.onnx")  # the two files belong together
    assert again.emotions == mien.EMOTIONS


def test_options_that_it_does_not_take(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(tiny_model)]
    assert main([*command, "--hub", str(tmp_path), "--int8"]) == 2
    assert "excludes all other options" in capsys.readouterr().err
    assert main(command) == 2
    assert "requires --data and --output, or only --hub" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["fast", "fer2013"])
def test_the_card_is_valid_on_the_hub(model: str, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    write_hub_folder(model, tmp_path)
    card = hub.ModelCard.load(tmp_path / "README.md")
    assert card.data.library_name == "mien"
    assert card.data.pipeline_tag == "image-classification"
    figures = {result.metric_type: result.metric_value for result in card.data.eval_results}
    contract = json.loads((tmp_path / f"{model}.json").read_text())
    measured = contract["metrics"]["validation"]
    assert figures["accuracy"] == pytest.approx(measured["accuracy"], abs=1e-4)
    assert figures["f1"] == pytest.approx(measured["macro_f1"], abs=1e-4)
    # A share of votes is no chance of being right, so that the card judges the certainty instead.
    ece = measured.get("certainty_ece", measured["ece"])
    assert figures["ece"] == pytest.approx(ece, abs=1e-4)
    hub.utils.validate_repo_id(f"someone/{model}")
    assert hub.metadata_load(tmp_path / "README.md") == card.data.to_dict()


def test_a_name_cannot_break_the_card(tiny_model: Path, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    contract = tiny_model.with_suffix(".json")
    values = json.loads(contract.read_text())
    values |= {"name": 'a: "b"\n---\n', "metrics": {"validation": {"faces": 5, "accuracy": 0.5}}}
    other = tmp_path / "odd.json"
    other.write_text(json.dumps(values))
    (tmp_path / "odd.onnx").write_bytes(tiny_model.read_bytes())
    write_hub_folder(other, tmp_path / "hub")
    card = hub.ModelCard.load(tmp_path / "hub" / "README.md")
    assert card.data.model_name == values["name"]


def test_the_example_answers_as_mien_does(portrait_path: Path, tmp_path: Path) -> None:
    write_hub_folder("fast", tmp_path)
    example = load_example(tmp_path)
    contract = example.read_contract()
    recognizer = mien.Recognizer("fast")
    image = mien.read_image(portrait_path)
    (face,) = mien.detect_faces(image)
    wanted = recognizer.crop(image, face)

    read = example.predict(wanted, contract)
    probabilities = recognizer.predict_probabilities(wanted[np.newaxis])[0]
    assert list(read.values()) == pytest.approx(probabilities, abs=1e-5)

    box = face.box.x, face.box.y, face.box.width, face.box.height
    crop = example.crop(Image.open(portrait_path).convert("RGB"), box, contract)
    assert np.abs(crop.astype(int) - wanted).max() <= 1  # sums are rounded in another order

    for outside in (mien.Box(-40, -40, 120, 120), mien.Box(495, 490, 30, 30)):  # and enlarged
        found = mien.Face(outside, (), 0.9)
        sides = outside.x, outside.y, outside.width, outside.height
        crop = example.crop(Image.open(portrait_path), sides, contract)
        assert np.abs(crop.astype(int) - recognizer.crop(image, found)).max() <= 1


@pytest.mark.slow
def test_the_example_needs_no_mien(portrait_path: Path, tmp_path: Path) -> None:
    write_hub_folder("fast", tmp_path)
    code = f"""
import sys, runpy
sys.modules["mien"] = None
sys.argv = ["example.py", {str(portrait_path)!r}, "178", "63", "90", "110"]
runpy.run_path({str(tmp_path / "example.py")!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("happy"), done.stderr
