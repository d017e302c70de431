"""Run a model on face crops, and return calibrated probabilities."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.devices import DEFAULT
from mien.errors import InputError, ModelError, describe_error
from mien.faces.crop import crop_face
from mien.faces.face import Face
from mien.files import advise_missing_asset
from mien.model.prior import NATURAL, Prior, find_shift
from mien.model.probabilities import calibrate
from mien.model.spec import ModelSpec
from mien.sessions import Session, open_session

ASSETS: Final = Path(__file__).parents[1] / "assets"
NETWORKS: Final = ("accurate", "fast")
"""The bundled networks, each with a model of the same name."""
MODELS: Final = (*NETWORKS, "fer2013")
"""The bundled models, by name; `fer2013` is a second contract for the network of `accurate`."""
CHUNK: Final = 64
"""Faces per run: enough to use all cores, few enough to fit in their caches."""


class Recognizer:
    """A model, opened once and run on many faces.

    It can be shared between threads, and pickled: unpickling opens the model's files again.

    Attributes:
        path: Path of the ONNX file.
        contract: Path of the contract.
        spec: The contract, with the requested threshold, if any.
        emotions: Names of the columns of `predict_probabilities`.
        temperature: Divisor of the logits before the softmax.
        shift: (C,) added to the logits after the temperature, for the requested prior; None adds
            nothing.
        abstention_threshold: A face whose top probability is below it should get no emotion; None
            never abstains.
        features: Whether results contain the features of each face.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "accurate",
        *,
        threads: int | None = None,
        coverage: float | None = None,
        accuracy: float | None = None,
        prior: Prior = NATURAL,
        device: str = DEFAULT,
        features: bool = False,
    ) -> None:
        """Open a model.

        Args:
            model: "accurate", "fast" or "fer2013", which are bundled; the path of an `.onnx` file
                with its `.json` contract next to it; or the path of such a contract.
            threads: Maximum number of threads per call; None uses all available cores.
            coverage: Required fraction of faces with an answer, above 0 to 1, on the split named in
                the contract. Replaces the model's own threshold.
            accuracy: Required accuracy of the answers, above 0 to 1; also replaces the threshold.
            prior: Expected mix of expressions: "natural", the one the model learnt; "balanced"; or
                a share for each, such as {"happy": 0.5, "neutral": 0.5} (see `mien.model.prior`).
                Coverage and accuracy were measured with "natural".
            device: "cpu" or another `mien.devices.DeviceName`; "auto" uses the best available.
            features: Return the features of each face in results (see `predict_features`).

        Raises:
            ModelError: A file is missing or damaged, the model does not match its contract, or
                features are requested and the network does not expose its LSTM's outputs.
            ConfigError: `threads` is under 1, no threshold reaches the coverage or accuracy, or the
                prior cannot be read.
        """
        self._settings = {
            "threads": threads,
            "coverage": coverage,
            "accuracy": accuracy,
            "prior": prior,
            "device": device,
            "features": features,
        }

        self.contract: Final = _find_contract(model)
        spec = ModelSpec.read(self.contract)
        self.path: Final = _find_network(self.contract, spec)
        chosen = spec.choose_threshold(coverage=coverage, accuracy=accuracy)
        self.spec: Final = replace(spec, abstention_threshold=chosen)
        self.emotions: Final = self.spec.class_names
        self.temperature: Final = self.spec.temperature
        self.abstention_threshold: Final = chosen
        self.shift: Final = find_shift(prior, spec)

        self._name = self.path.name
        network = _read_model(self.path, self.spec)
        self._session = open_session(network, name=self._name, threads=threads, device=device)
        _check_tensors(self._session, self.spec, self._name)
        self.features: Final = features
        if features:
            self._find_steps()

    def __getstate__(self) -> dict[str, Any]:
        """Return the model's path or name, and its settings, to open it again elsewhere."""
        is_own = self.contract.parent != ASSETS
        model = self.contract.absolute() if is_own else self.contract.stem
        return {"model": model, **self._settings}

    def __setstate__(self, settings: dict[str, Any]) -> None:
        """Open the model with the pickled settings."""
        Recognizer.__init__(self, **settings)

    def with_threshold(
        self, *, coverage: float | None = None, accuracy: float | None = None
    ) -> "Recognizer":
        """Return a recognizer with another abstention threshold that shares this network.

        Args:
            coverage: See `Recognizer`.
            accuracy: See `Recognizer`.

        Raises:
            ConfigError: There is no such threshold.
        """
        chosen = self.spec.choose_threshold(coverage=coverage, accuracy=accuracy)
        spec = replace(self.spec, abstention_threshold=chosen)
        return self._vary(
            {"coverage": coverage, "accuracy": accuracy}, spec=spec, abstention_threshold=chosen
        )

    def with_prior(self, prior: Prior) -> "Recognizer":
        """Return a recognizer with another expected mix that shares this network.

        Args:
            prior: See `Recognizer`.

        Raises:
            ConfigError: The prior cannot be used.
        """
        return self._vary({"prior": prior}, shift=find_shift(prior, self.spec))

    def with_features(self) -> "Recognizer":
        """Return a recognizer whose results contain features, and that shares this network.

        Raises:
            ModelError: The network does not expose its LSTM's outputs.
        """
        self._find_steps()
        return self._vary({"features": True}, features=True)

    def _vary(self, settings: dict[str, Any], **changed: object) -> "Recognizer":
        """Return a copy with other settings and attributes that shares this network."""
        other = object.__new__(Recognizer)
        other.__dict__ |= self.__dict__ | changed | {"_settings": self._settings | settings}
        return other

    def crop(self, image: NDArray[np.uint8] | Image.Image, face: Face) -> NDArray[np.uint8]:
        """Cut a face out of an image in the model's input format.

        Args:
            image: The image the face was found in, (H, W, 3) uint8 RGB, or a Pillow image.
            face: The face, in pixels of the image.

        Returns:
            The crop, (48, 48) uint8 grey; `predict_probabilities` takes several, (N, 48, 48).

        Raises:
            InputError: The image or the box has no extent.
        """
        spec = self.spec
        return crop_face(
            image, face, margin=spec.crop_margin, shift_y=spec.crop_shift_y, size=spec.input_size
        )

    def predict_probabilities(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability that an annotator would choose each emotion.

        Args:
            faces: (N, 48, 48) uint8 grey crops, as returned by `crop`.

        Returns:
            (N, 7) float32, calibrated; rows sum to 1, columns are `emotions`.

        Raises:
            InputError: The array has another shape or type.
        """
        return calibrate(self.predict_logits(faces), self.temperature, self.shift)

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the network's logits, before temperature and softmax.

        Args:
            faces: (N, 48, 48) uint8 grey crops.

        Returns:
            (N, 7) float32.

        Raises:
            InputError: The array has another shape or type.
        """
        self._check(faces)
        logits = np.empty((len(faces), len(self.emotions)), dtype=np.float32)
        done = 0
        for batch in to_batches(faces):
            outputs = self._session.run([self.spec.output_name], {self.spec.input_name: batch})
            logits[done : done + len(batch)] = outputs[0]
            done += len(batch)
        return logits

    def predict_features(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the input of the last layer: the LSTM's outputs, averaged over its steps.

        Features describe a face's apparent expression, and how it was lit and held. They are not
        an identity: they were not trained to tell people apart, and must not be used to.

        Args:
            faces: (N, 48, 48) uint8 grey crops.

        Returns:
            (N, U) float32, where U is the size of the LSTM's hidden state: 256 for `accurate`, 96
            for `fast`.

        Raises:
            InputError: The array has another shape or type.
            ModelError: The network does not expose its LSTM's outputs.
        """
        return self.predict_with_features(faces)[1]

    def predict_with_features(
        self, faces: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return probabilities and features, out of one pass through the network.

        Args:
            faces: (N, 48, 48) uint8 grey crops.

        Returns:
            What `predict_probabilities` returns, (N, 7) float32, and what `predict_features`
            returns, (N, U) float32.

        Raises:
            InputError: The array has another shape or type.
            ModelError: The network does not expose its LSTM's outputs.
        """
        wanted = [self.spec.output_name, self._find_steps()]
        self._check(faces)
        size = self.spec.input_size
        logits, features = [], []
        for batch in to_batches(faces if len(faces) else np.zeros((1, size, size), np.uint8)):
            found, steps = self._session.run(wanted, {self.spec.input_name: batch})
            logits.append(found)
            features.append(steps.mean(axis=1))  # (N, 36, U) -> (N, U)
        count = len(faces)
        probabilities = calibrate(np.concatenate(logits)[:count], self.temperature, self.shift)
        return probabilities, np.concatenate(features)[:count].astype(np.float32)

    def _find_steps(self) -> str:
        """Return the name of the output with the LSTM's steps.

        Raises:
            ModelError: The network does not show them.
        """
        if self.spec.sequence is None:
            raise ModelError(
                f"{self._name} does not expose its LSTM's outputs, which the features are computed "
                "from; export a network with an LSTM again"
            )
        return self.spec.sequence["steps"]

    def _check(self, faces: NDArray[np.uint8]) -> None:
        """Check that faces are (N, size, size) uint8."""
        size = self.spec.input_size
        got = getattr(faces, "shape", None), getattr(faces, "dtype", type(faces).__name__)
        if got != ((*(got[0] or ())[:1], size, size), np.uint8):
            raise InputError(
                f"{self._name} expects faces as (N, {size}, {size}) uint8, got {got[0]} {got[1]}; "
                "crop faces first"
            )


def _find_contract(model: str | os.PathLike[str]) -> Path:
    """Return the path of a model's contract, by the model's name or the path of either file."""
    if model in MODELS:
        path = ASSETS / f"{model}.json"
        if not path.is_file():
            raise _not_installed(str(model), path)
        return path
    path = Path(model)
    if path.suffix not in {".onnx", ".json"}:
        raise ModelError(
            f"a model must be {', '.join(map(repr, MODELS))} or the path of an .onnx file, "
            f"got {os.fspath(model)!r}"
        )
    return path.with_suffix(".json")


def _find_network(contract: Path, spec: ModelSpec) -> Path:
    """Return the path of a contract's ONNX file."""
    path = contract.with_suffix(".onnx") if spec.file is None else contract.with_name(spec.file)
    if contract.parent == ASSETS and not path.is_file():
        raise _not_installed(contract.stem, path)
    return path


def _not_installed(model: str, missing: Path) -> ModelError:
    return ModelError(
        f"the model {model!r} is not part of this installation ({missing.name} is missing); "
        f"{advise_missing_asset()}, or pass the path of an .onnx file"
    )


def _read_model(path: Path, spec: ModelSpec) -> bytes:
    """Read the ONNX file and compare its hash with the contract."""
    try:
        model = path.read_bytes()
    except OSError as error:
        reason = describe_error(error)
        raise ModelError(f"the model {path} cannot be read: {reason}") from error
    sha256 = hashlib.sha256(model).hexdigest()
    if sha256 != spec.onnx_sha256:
        raise ModelError(
            f"{path.name} is not the file its contract was written for: SHA-256 {sha256}, expected "
            f"{spec.onnx_sha256}; install or export the two files together"
        )
    return model


def _check_tensors(session: Session, spec: ModelSpec, name: str) -> None:
    """Check that the network's inputs and outputs match the contract."""
    inputs = {tensor.name: list(tensor.shape) for tensor in session.get_inputs()}
    outputs = {tensor.name: list(tensor.shape) for tensor in session.get_outputs()}
    wanted_input = [1, spec.input_size, spec.input_size]
    taken, given = inputs.get(spec.input_name), outputs.get(spec.output_name)
    if len(inputs) != 1 or taken is None or taken[1:] != wanted_input or isinstance(taken[0], int):
        raise ModelError(
            f"{name} has the input {inputs}, but its contract says {spec.input_name!r} with "
            f"(N, {', '.join(map(str, wanted_input))}); export it again"
        )
    if given is None or given[-1] != len(spec.class_names):
        raise ModelError(
            f"{name} has the output {outputs}, but its contract says {spec.output_name!r} with "
            f"{len(spec.class_names)} columns; export it again"
        )


def to_batches(crops: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """Yield crops (N, 48, 48) uint8 as model inputs (B, 1, 48, 48), B up to `CHUNK`."""
    for start in range(0, len(crops), CHUNK):
        yield to_input(crops[start : start + CHUNK])


def to_input(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale crops to the model's input range.

    Args:
        crops: (N, 48, 48) uint8 grey levels.

    Returns:
        (N, 1, 48, 48) float32 in [0, 1].
    """
    return crops[:, np.newaxis].astype(np.float32) / np.float32(255)
