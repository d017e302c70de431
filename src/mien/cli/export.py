"""`mien export`: write a trained model as ONNX, verified against PyTorch."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from mien.errors import ConfigError
from mien.model.abstention import check_wish
from mien.model.spec import LABELS

if TYPE_CHECKING:  # the extra `train` is only required when the command runs
    from mien.export.export import Answering, ExportResult

_NOTHING: Final = (None, None, None, None, None, None, False, False)


def export(
    model: Path,
    /,
    *,
    data: Path | None = None,
    output: Path | None = None,
    hub: Path | None = None,
    votes: Path | None = None,
    name: str | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    int8: bool = False,
    half: bool = False,
) -> None:
    """Write a trained checkpoint as a model that `mien analyze` reads, or calibrate a model again.

    ```console
    $ mien export runs/mine/best.safetensors --data fer2013.zip --output models
    $ mien analyze photo.jpg --model models/mine.onnx
    $ mien export runs/votes --data fer2013.zip --votes votes.csv --output models
    $ mien export models/mine.onnx --data my-faces/ --output calibrated --coverage 0.9
    $ mien export models/mine.onnx --data fer2013.zip --output models --name small --int8
    $ mien export models/mine.onnx --hub my-model
    ```

    A model is two files, NAME.onnx and NAME.json; NAME.safetensors contains its weights for
    fine-tuning (`start` in a recipe). A network with a second output layer gets a second
    contract, for the dataset's own label. Files are only written if onnxruntime agrees with
    PyTorch on real faces. Probabilities are calibrated on the validation split: by a temperature,
    and by a scale and a bias for each class if cross-validation clearly prefers it. The contract
    also records the accuracy at each abstention threshold. For an .onnx, all of this is fitted
    again; its network does not change otherwise, except with --int8 or --half.

    Args:
        model: A training's folder or its best.safetensors, or an .onnx with its .json.
        data: The data it was trained on, or, for an .onnx, faces like those it will read: a zip, a
            folder or a CSV file.
        output: The folder to write to.
        hub: Write an exported or bundled model unchanged into this folder, in the layout of the
            Hugging Face Hub: card, network, contract and an example. It excludes all other options.
        votes: A table of votes (see `mien data votes`), for a model that answers with people's
            votes: it is calibrated on their shares.
        name: The model's name; by default the one in its recipe.
        coverage: Share of validation faces to answer, above 0 to 1; the model names no emotion for
            less confident ones. By default it always names one.
        accuracy: Required share of answers that agree with the labels, instead of a coverage.
        int8: Quantize the convolutions to int8: half the CPU time and half the file size. Refused
            if it costs more than 0.3 % of the validation faces.
        half: Store the weights in half precision: half the file size at the same speed. Refused if
            a logit changes by more than 0.01 on any validation face.
    """
    if hub is not None:
        if (data, output, votes, name, coverage, accuracy, int8, half) != _NOTHING:
            raise ConfigError("--hub writes a model unchanged and excludes all other options")
        _write_for_hub(model, hub)
        return
    if data is None or output is None:
        raise ConfigError("mien export requires --data and --output, or only --hub")
    from mien.data.datasets import load_dataset
    from mien.data.votes import read_votes
    from mien.export.export import export as write_model

    check_wish(coverage=coverage, accuracy=accuracy)
    dataset = load_dataset(data)
    result = write_model(
        model / "best.safetensors" if model.is_dir() else model,
        dataset,
        output,
        votes=None if votes is None else read_votes(votes, dataset.class_names),
        name=name,
        coverage=coverage,
        accuracy=accuracy,
        int8=int8,
        half=half,
    )
    console = Console(highlight=False)
    for key, value in _describe(result):  # not wrapped, so that paths can be copied
        console.print(Text(f"{key:<10}", style="dim") + Text(f" {value}"), soft_wrap=True)
    console.print(Text(f"\nTry it: mien analyze photo.jpg --model {result.onnx}"), soft_wrap=True)


def _write_for_hub(model: Path, folder: Path) -> None:
    """Write a model's folder for the Hub, and list its files."""
    from mien.export.hub import write_hub_folder

    is_named = len(model.parts) == 1 and not model.suffix
    files = write_hub_folder(str(model) if is_named else model, folder)
    console = Console(highlight=False)
    for title, path in zip(("card", "contract", "model", "example"), files, strict=True):
        console.print(Text(f"{title:<10}", style="dim") + Text(f" {path}"), soft_wrap=True)
    console.print("\nAdd your license to the card before you publish it.")


def _describe(result: "ExportResult") -> Iterator[tuple[str, str]]:
    """Yield what was written, verified and fitted, as pairs of a title and a sentence."""
    yield "model", str(result.onnx)
    if result.weights is not None:
        yield "weights", f"{result.weights}, for fine-tuning"
    if result.largest_difference is not None:
        worst = f"{result.largest_difference:.1e}"
        yield "parity", f"torch and onnxruntime differ by at most {worst} in a logit"
    if result.int8_loss is not None:
        yield "int8", f"costs {result.int8_loss:.2%} of the validation faces"
    if result.half_difference is not None:
        yield "half", f"half precision changes a logit by at most {result.half_difference:.1e}"
    for answering in result.answers:
        yield from _describe_contract(answering)


def _describe_contract(answering: "Answering") -> Iterator[tuple[str, str]]:
    """Yield which labels an output predicts, and how it was calibrated."""
    calibrated, scaling = answering.calibrated, answering.scaling
    curve = calibrated.abstention_curve
    yield "contract", str(answering.contract)
    yield "predicts", LABELS[answering.spec.labels]

    where = f"{curve.faces:,} faces of {curve.split}"
    told = f"on {where}, by a temperature of {calibrated.temperature:.3f}"
    if calibrated.certainty_temperature != 1:
        told += f", and one of {calibrated.certainty_temperature:.3f} for the certainty"
    yield "calibrated", told
    if scaling is not None:
        told = (
            "each class's logit, in the network's last layer: cross-validation prefers it by "
            f"{scaling.gain:.4f} nats a face (standard error {scaling.gain_error:.4f}); it may "
            "change answers"
        )
        yield "scaled", told

    if calibrated.abstention_threshold is None:
        yield "abstains", "never, unless asked to: mien analyze --coverage or --accuracy"
    else:
        yield "abstains", f"below a probability of {calibrated.abstention_threshold:.3f}"
