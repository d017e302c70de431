"""This module turns `mien export` into a model file, proved, and says what was proved."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from mien.errors import ConfigError


def export(
    checkpoint: Path,
    /,
    *,
    data: Path,
    output: Path,
    name: str | None = None,
    coverage: float | None = None,
) -> None:
    """Write a trained checkpoint as a model that `mien analyze` reads.

    ```console
    $ mien export runs/mine/best.safetensors --data fer2013.zip --output models
    $ mien analyze photo.jpg --model models/mine.onnx
    ```

    A model is two files, NAME.onnx and NAME.json. They are written only if onnxruntime agrees with
    PyTorch on real faces. Probabilities are calibrated (by one temperature) on the validation
    split.

    Args:
        checkpoint: best.safetensors of a training.
        data: The data it was trained on: a zip, a folder or a CSV file.
        output: The folder to write to.
        name: The model's name; by default the one in its recipe.
        coverage: Share of validation faces, above 0 to 1, that get an answer; on faces it is less
            sure of, the model then names no emotion. By default it always names one.
    """
    if coverage is not None and not 0 < coverage <= 1:
        raise ConfigError(f"--coverage must be above 0 and at most 1, got {coverage}")
    from mien.training.datasets import load_dataset
    from mien.training.export import export as write_model

    result = write_model(checkpoint, load_dataset(data), output, name=name, coverage=coverage)
    console = Console(highlight=False)
    console.print(Text(f"model      {result.onnx}"), soft_wrap=True)
    console.print(Text(f"contract   {result.contract}"), soft_wrap=True)
    console.print(
        f"parity     torch and onnxruntime differ by at most {result.largest_difference:.1e} "
        f"in a logit\ncalibrated by a temperature of {result.temperature:.3f}"
    )
    console.print(Text(f"\nTry it: mien analyze photo.jpg --model {result.onnx}"), soft_wrap=True)
