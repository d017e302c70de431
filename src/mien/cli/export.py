"""This module turns `mien export` into a model file, proved, and says what was proved."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from mien.model.abstention import check_wish


def export(
    model: Path,
    /,
    *,
    data: Path,
    output: Path,
    name: str | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    int8: bool = False,
) -> None:
    """Write a trained checkpoint as a model that `mien analyze` reads; or calibrate a model again.

    ```console
    $ mien export runs/mine/best.safetensors --data fer2013.zip --output models
    $ mien analyze photo.jpg --model models/mine.onnx
    $ mien export models/mine.onnx --data my-faces/ --output calibrated --coverage 0.9
    $ mien export models/mine.onnx --data fer2013.zip --output models --name small --int8
    ```

    A model is two files, NAME.onnx and NAME.json; NAME.safetensors beside them are its weights, to
    train further with (`start` in a recipe). They are written only if onnxruntime agrees with
    PyTorch on real faces. Probabilities are calibrated on the validation split: by a temperature,
    and by a scale and a bias for each class where cross-validation there clearly prefers it. What
    each abstention threshold gives there is written down. Of an .onnx, all this is fitted again, on
    the data's validation split; the rest of its network is not changed, unless --int8 asks for it.

    Args:
        model: A training's folder or its best.safetensors, or an .onnx with its .json beside it.
        data: The data it was trained on, or, for an .onnx, faces like those it will meet: a zip,
            a folder or a CSV file.
        output: The folder to write to.
        name: The model's name; by default the one in its recipe.
        coverage: Share of validation faces, above 0 to 1, that get an answer; on faces it is less
            sure of, the model then names no emotion. By default it always names one.
        accuracy: Share of these answers that shall be as labelled, in place of a coverage.
        int8: Let the convolutions reckon in 8-bit integers: half of the processor time, half of
            the file. It is refused if it costs more than 0.3 % of the validation faces.
    """
    check_wish(coverage=coverage, accuracy=accuracy)
    from mien.data.datasets import load_dataset
    from mien.export.export import calibrate_again
    from mien.export.export import export as write_model

    model = model / "best.safetensors" if model.is_dir() else model
    write = calibrate_again if model.suffix == ".onnx" else write_model
    dataset = load_dataset(data)
    result = write(
        model, dataset, output, name=name, coverage=coverage, accuracy=accuracy, int8=int8
    )
    lines = {"model": str(result.onnx), "contract": str(result.contract)}
    if result.weights is not None:
        lines["weights"] = f"{result.weights}, to train further with"
    if result.largest_difference is not None:
        lines["parity"] = (
            f"torch and onnxruntime differ by at most {result.largest_difference:.1e} in a logit"
        )
    if result.int8_loss is not None:
        lines["int8"] = f"costs {result.int8_loss:.2%} of the validation faces"
    calibrated = result.calibrated
    curve = calibrated.abstention_curve
    lines["calibrated"] = (
        f"on {curve.faces:,} faces of {curve.split}, by a temperature of "
        f"{calibrated.temperature:.3f}"
    )
    if result.scaling is not None:
        gain, error = result.scaling.gain, result.scaling.gain_error
        lines["scaled"] = (
            "each class's logit, in the network's last layer: cross-validation prefers it by "
            f"{gain:.4f} nats a face (standard error {error:.4f}); it may change answers"
        )
    lines["abstains"] = "never, unless asked to: mien analyze --coverage or --accuracy"
    if calibrated.abstention_threshold is not None:
        lines["abstains"] = f"below a probability of {calibrated.abstention_threshold:.3f}"
    console = Console(highlight=False)
    for key, value in lines.items():  # not wrapped: paths are to be copied
        console.print(Text(f"{key:<10}", style="dim") + Text(f" {value}"), soft_wrap=True)
    console.print(Text(f"\nTry it: mien analyze photo.jpg --model {result.onnx}"), soft_wrap=True)
