"""Read, check and write a model's contract, `NAME.json`.

A model is two files, `NAME.onnx` and `NAME.json`. The JSON is the contract: the network's input
and output, which labels it predicts, and how its scores become probabilities. Nothing is inferred
from a file's name.
"""

import dataclasses
import difflib
import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mien.errors import ConfigError, ModelError, describe_error
from mien.files import replacing
from mien.model.abstention import AbstentionCurve, check_wish

SCHEMA: Final = 1
CROP_MARGIN: Final = 0.0
"""Extra border around the detector's box, chosen by benchmarks/crop_margin.py on FER2013."""
CROP_SHIFT_Y: Final = -0.02
"""Offset of the crop's centre below the box's, chosen by benchmarks/crop_margin.py on FER2013."""
LABELS: Final[Mapping[str, str]] = {
    "votes": "people's votes",
    "fer2013": "FER2013's own label",
    "own": "the label of its training data",
}
"""Which labels a model predicts: each value of `labels` in a contract, in words."""
_OUTSIDE_IDENTITY: Final = frozenset(
    {"file", "metrics", "training", "abstention_threshold", "abstention_curve"}
)
"""Fields of a contract that no probability depends on."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The contract of a model file.

    Attributes:
        name: Display name of the model.
        onnx_sha256: The SHA-256 of `NAME.onnx`, in lower-case hex.
        class_names: Names of the output's columns, in order.
        labels: Which labels the model predicts, one of `LABELS`. With "votes", a probability is the
            share of people who would choose the word. "own", the default if a contract has none,
            stands for the label of the training data.
        file: Name of the ONNX file, in the folder of the contract; None is `NAME.onnx`. It allows
            two contracts, each with an output of its own, to share one network.
        class_shares: Share of each class in the calibration data, in the order of `class_names`:
            the mix the model learnt (see `mien.model.prior`). None in contracts without it.
        temperature: Probabilities are softmax(logits / temperature).
        certainty_temperature: Divisor of the log-probabilities for a face's certainty (see
            `mien.model.certainty`); None in contracts without it.
        abstention_threshold: Top probability below which no emotion is named; None never abstains.
        abstention_curve: Coverage and accuracy at other thresholds, used by `choose_threshold`;
            None in older contracts.
        input_name: Name of the input tensor: (N, 1, input_size, input_size) float32.
        output_name: Name of the output tensor: (N, len(class_names)) float32 logits.
        sequence: Names of the outputs that expose the LSTM: "steps" (N, T, U), its outputs at T
            positions; "weight" (C, U) and "bias" (C,). The logits equal weight x the mean of the
            steps + bias, as verified at export. None where the network has another form.
        input_size: Side of the face crop in pixels.
        color: "grey", the only supported value.
        scaling: "unit": grey levels 0..255 are scaled to 0..1.
        crop_margin: Border around the detector's box on each side, as a fraction of its longer
            side.
        crop_shift_y: Offset of the crop's centre below the box's, as a fraction of its longer side.
        metrics: Measured figures; each names its split.
        training: Origin of the weights: recipe, config, commit, seed, versions, command.
        schema: Version of this format.
    """

    name: str
    onnx_sha256: str
    class_names: tuple[str, ...]
    labels: str = "own"
    file: str | None = None
    class_shares: tuple[float, ...] | None = None
    temperature: float = 1.0
    certainty_temperature: float | None = None
    abstention_threshold: float | None = None
    abstention_curve: AbstentionCurve | None = None
    input_name: str = "faces"
    output_name: str = "logits"
    sequence: Mapping[str, str] | None = None
    input_size: int = 48
    color: str = "grey"
    scaling: str = "unit"
    crop_margin: float = CROP_MARGIN
    crop_shift_y: float = CROP_SHIFT_Y
    metrics: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        """Validate all fields.

        Raises:
            ModelError: A field has the wrong type or an impossible value.
        """
        for fault in self._faults():
            raise ModelError(f"the contract of model {self.name!r} is invalid: {fault}")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "ModelSpec":
        """Read a model's contract.

        Args:
            path: The model's `NAME.json`.

        Returns:
            The contract, checked.

        Raises:
            ModelError: The file is missing, is not a JSON object, lacks a field (most of all the
                class names), or has an unknown or invalid field.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(
                f"{path} cannot be read ({describe_error(error)}); a model consists of two "
                "files in one folder, NAME.onnx and NAME.json"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{path} is not JSON ({error}); export the model again") from error

        if not isinstance(values, dict):
            raise ModelError(f"{path} contains {type(values).__name__}, expected a JSON object")

        try:
            return cls._from_dict(values)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    @classmethod
    def _from_dict(cls, values: dict[str, Any]) -> "ModelSpec":
        known = {item.name for item in dataclasses.fields(cls)}
        if values.get("schema") != SCHEMA:
            raise ModelError(
                f"the contract has schema {values.get('schema')!r}, this version of mien reads "
                f"{SCHEMA}; export the model again, or install the version of mien that wrote it"
            )

        for key in values:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ModelError(f"the contract has an unknown key {key!r}{hint}")
        for key in ("class_names", "name", "onnx_sha256"):
            if key not in values:
                raise ModelError(f"the contract has no {key!r}; export the model again")

        # JSON has no tuples.
        names = values["class_names"]
        curve, shares = values.get("abstention_curve"), values.get("class_shares")
        read = {
            "class_names": tuple(names) if isinstance(names, list) else names,
            "class_shares": tuple(shares) if isinstance(shares, list) else shares,
            "abstention_curve": None if curve is None else AbstentionCurve.from_dict(curve),
        }
        return cls(**{**values, **read})

    @property
    def identity(self) -> str:
        """Name of the model, and a short hash of all that its probabilities depend on.

        The network's own hash is not enough to tell models apart: two contracts can read different
        outputs of one network, or calibrate it differently.
        """
        values = {
            key: value for key, value in self.to_dict().items() if key not in _OUTSIDE_IDENTITY
        }
        told = json.dumps(values, sort_keys=True)
        return f"{self.name} ({hashlib.sha256(told.encode()).hexdigest()[:12]})"

    def choose_threshold(
        self, *, coverage: float | None = None, accuracy: float | None = None
    ) -> float | None:
        """Return the threshold below which no emotion is named.

        Args:
            coverage: Required fraction of faces with an answer, above 0 to 1.
            accuracy: Required accuracy of the answers, above 0 to 1.

        Returns:
            The threshold that reaches it on the split of `abstention_curve`; with neither, the
            model's own.

        Raises:
            ConfigError: Both are given, one is out of range, no threshold reaches the accuracy, or
                the contract has no curve.
        """
        wish = check_wish(coverage=coverage, accuracy=accuracy)
        if wish is None:
            return self.abstention_threshold
        if self.abstention_curve is None:
            raise ConfigError(
                f"the contract of model {self.name!r} has no abstention curve to choose a "
                f"threshold for {wish} from; run mien export MODEL.onnx --data ... to add it"
            )
        return self.abstention_curve.choose(coverage=coverage, accuracy=accuracy).threshold

    def to_dict(self) -> dict[str, Any]:
        """Return the contract as JSON types."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        values["class_names"] = list(self.class_names)
        values["class_shares"] = None if self.class_shares is None else list(self.class_shares)
        curve = self.abstention_curve
        values["abstention_curve"] = None if curve is None else curve.to_dict()
        return {"schema": values.pop("schema"), **values}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the contract, atomically.

        Args:
            path: The model's `NAME.json`, next to its ONNX file.

        Raises:
            OSError: The file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        # Print each point of the curve on one line instead of five.
        text = re.sub(r'\{\s+("threshold"[^{}]*?)\s+\}', _join_lines, text)
        with replacing(Path(path)) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    def _faults(self) -> list[str]:
        """List all faults, one sentence each."""
        checks = (*_check_names(self), *_check_numbers(self))
        return [sentence for holds, sentence in checks if not holds]


def _check_names(spec: Any) -> Iterator[tuple[object, str]]:  # noqa: ANN401 - may come from a file
    """Yield each condition on a contract's text fields, and the message if it fails."""
    names, sha256, file = spec.class_names, spec.onnx_sha256, spec.file
    named = isinstance(names, tuple) and all(isinstance(name, str) and name for name in names)
    yield isinstance(spec.name, str) and spec.name, "name must be text"
    yield named and len(set(names)) == len(names) > 1, "class_names must be two or more names"
    yield (
        isinstance(spec.labels, str) and spec.labels in LABELS,
        f"labels must be {' or '.join(map(repr, LABELS))}, got {spec.labels!r}",
    )
    # A bare file name: a contract must not point outside its folder.
    is_plain = isinstance(file, str) and re.fullmatch(r"[^/\\]+\.onnx", file)
    yield file is None or is_plain, f"file must be the name of an .onnx file, got {file!r}"
    yield (
        isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256),
        "onnx_sha256 must be 64 lower-case hex digits",
    )
    tensors = (spec.input_name, spec.output_name)
    yield all(isinstance(name, str) and name for name in tensors), "tensor names must be text"
    yield (
        spec.sequence is None or _is_sequence(spec.sequence),
        "sequence must name the tensors steps, weight and bias, or be null",
    )
    yield spec.color == "grey", f"color must be 'grey', got {spec.color!r}"
    yield spec.scaling == "unit", f"scaling must be 'unit', got {spec.scaling!r}"
    yield isinstance(spec.metrics, Mapping), "metrics must be an object"
    yield isinstance(spec.training, Mapping), "training must be an object"


def _check_numbers(spec: Any) -> Iterator[tuple[object, str]]:  # noqa: ANN401 - may come from a file
    """Yield each condition on a contract's numbers, and the message if it fails."""
    threshold, shares = spec.abstention_threshold, spec.class_shares
    yield (
        shares is None
        or (
            isinstance(shares, tuple)
            and len(shares) == len(spec.class_names)
            and all(_is_number(share) and 0 < share < 1 for share in shares)
        ),
        "class_shares must have a number between 0 and 1 for each class, or be null",
    )

    yield (
        _is_number(spec.temperature) and spec.temperature > 0,
        f"temperature must be above 0, got {spec.temperature!r}",
    )
    certainty = spec.certainty_temperature
    yield (
        certainty is None or (_is_number(certainty) and certainty > 0),
        f"certainty_temperature must be above 0 or null, got {certainty!r}",
    )
    yield (
        threshold is None or (_is_number(threshold) and 0 <= threshold <= 1),
        f"abstention_threshold must be in [0, 1] or null, got {threshold!r}",
    )

    # The crop's side is (1 + 2 * margin) times the box's: from a fifth to nine times.
    yield (
        type(spec.input_size) is int and 8 <= spec.input_size <= 1024,
        f"input_size must be 8 to 1024, got {spec.input_size!r}",
    )
    yield (
        _is_number(spec.crop_margin) and -0.4 <= spec.crop_margin <= 4,
        f"crop_margin must be -0.4 to 4, got {spec.crop_margin!r}",
    )
    yield (
        _is_number(spec.crop_shift_y) and -1 <= spec.crop_shift_y <= 1,
        f"crop_shift_y must be -1 to 1, got {spec.crop_shift_y!r}",
    )
    yield spec.schema == SCHEMA, f"schema must be {SCHEMA}, got {spec.schema!r}"


def _join_lines(match: re.Match[str]) -> str:
    return "{" + " ".join(match[1].split()) + "}"


def _is_sequence(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"steps", "weight", "bias"}
        and all(isinstance(name, str) and name for name in value.values())
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)
