"""Write a model as a folder for the Hugging Face Hub: card, model files and an example.

The folder is complete: `huggingface-cli upload NAME DIR` publishes it. The example requires
neither mien nor PyTorch.
"""

import json
import os
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from mien.errors import OutputError, describe_error
from mien.files import write_whole
from mien.model.recognizer import Recognizer
from mien.model.spec import LABELS, ModelSpec

EXAMPLE: Final = "example.py"
_FIGURES: Final = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "ece": "Calibration error",
    "certainty_ece": "Calibration error of the certainty",
}
_TYPES: Final = {"accuracy": "accuracy", "macro_f1": "f1", "ece": "ece", "certainty_ece": "ece"}


def write_hub_folder(model: str | os.PathLike[str], folder: Path) -> tuple[Path, ...]:
    """Write a model's folder for the Hugging Face Hub.

    Args:
        model: Name of a bundled model, or the path of an .onnx file with its .json contract.
        folder: Output folder; existing files of the same names are replaced.

    Returns:
        Paths of the card, contract, network and example.

    Raises:
        ModelError: The model's files are missing or do not match.
        OutputError: A file cannot be written.
    """
    recognizer = Recognizer(model, threads=1)  # checks that the files match
    contract, network = recognizer.contract, recognizer.path
    card = write_card(ModelSpec.read(contract), contract.name, network.name)
    example = _read_template("hub_example.py")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (contract, network):
            if path.resolve() != (folder / path.name).resolve():
                shutil.copyfile(path, folder / path.name)
        write_whole(folder / "README.md", card)
        write_whole(folder / EXAMPLE, example)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({describe_error(error)})") from error
    names = ("README.md", contract.name, network.name, EXAMPLE)
    return tuple(folder / name for name in names)


def _read_template(name: str) -> str:
    return resources.files("mien.export").joinpath(name).read_text(encoding="utf-8")


def write_card(spec: ModelSpec, contract: str, network: str) -> str:
    """Render a model's card, with metadata in the Hub's format.

    Args:
        spec: The model's contract.
        contract: File name of the contract.
        network: File name of the .onnx file.
    """
    rows = [
        f"| {split} | {values.get('faces', '')} | {title} | {values[key]:.3f} |"
        for split, values in spec.metrics.items()
        for key, title in _choose_figures(values).items()
    ]
    figures = "\n".join(["| split | faces | measure | value |", "|---|--:|---|--:|", *rows])
    return _read_template("hub_card.md").format(
        # JSON is valid YAML and quotes any name safely.
        metadata="\n".join(f"{key}: {json.dumps(value)}" for key, value in _metadata(spec).items()),
        name=spec.name,
        size=spec.input_size,
        labels=LABELS[spec.labels],
        count=len(spec.class_names),
        classes=", ".join(spec.class_names),
        example=EXAMPLE,
        contract=contract,
        file=network,
        threshold="" if spec.abstention_threshold is None else ", abstention threshold",
        figures=figures if rows else "No figures were measured at export.",
    )


def _choose_figures(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the titles of a split's figures, by their names."""
    # Where probabilities are shares of votes, the certainty predicts how often the answer is right.
    hidden = "ece" if "certainty_ece" in values else ""
    return {key: title for key, title in _FIGURES.items() if key in values and key != hidden}


def _metadata(spec: ModelSpec) -> dict[str, Any]:
    """Return the card's metadata; your own model has no license until you add one."""
    metadata: dict[str, Any] = {
        "library_name": "mien",
        "pipeline_tag": "image-classification",
        "tags": ["facial-expression-recognition", "cnn-lstm", "onnx"],
    }

    results = [
        {
            "task": {"type": "image-classification", "name": "Apparent facial expression"},
            "dataset": {
                "type": "image-classification",
                "name": str(spec.training.get("data_source") or "training data"),
                "split": split,
            },
            "metrics": [
                {"type": _TYPES[key], "name": title, "value": round(values[key], 4)}
                for key, title in _choose_figures(values).items()
            ],
        }
        for split, values in spec.metrics.items()
        if _choose_figures(values)
    ]

    if results:
        metadata["model-index"] = [{"name": spec.name, "results": results}]
    return metadata
