"""Provide a scikit-learn transformer from faces to probabilities or features.

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from mien.compat.sklearn import ExpressionTransformer
    >>> model = make_pipeline(ExpressionTransformer(output="features"), LogisticRegression())

It requires scikit-learn (`pip install 'mien[sklearn]'`) and is only available by this path.
"""

import os
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.devices import DEFAULT
from mien.errors import ConfigError, InputError, require_extra
from mien.model.recognizer import Recognizer

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise require_extra("sklearn", "ExpressionTransformer", "scikit-learn") from error

Output: TypeAlias = Literal["probabilities", "features"]


class ExpressionTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc] # untyped bases
    """Transform cropped faces to features for a scikit-learn pipeline, without fitting.

    Args:
        model: "accurate", "fast", "fer2013", or the path of an .onnx file.
        output: "probabilities", one calibrated column per expression, rows summing to 1; or
            "features", the averaged outputs of the LSTM, which the probabilities are computed from.
        threads: Maximum number of threads per call; None uses all available cores.
        device: Device of the network: "cpu" or another `mien.devices.DeviceName`.

    Attributes:
        recognizer_: The opened model.
        n_features_in_: Number of grey levels per face: 48 x 48 = 2304.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "accurate",
        *,
        output: Output = "probabilities",
        threads: int | None = None,
        device: str = DEFAULT,
    ) -> None:
        self.model = model
        self.output = output
        self.threads = threads
        self.device = device

    def fit(self, X: ArrayLike, y: object = None) -> "ExpressionTransformer":  # noqa: N803
        """Open the model and check the faces.

        Args:
            X: Faces, as for `transform`.
            y: Ignored.

        Returns:
            The transformer itself.

        Raises:
            ConfigError: The output does not exist.
            ModelError: The model cannot be opened, or has no LSTM to take features from.
            InputError: The faces have another shape or range.
        """
        if self.output not in ("probabilities", "features"):
            raise ConfigError(f"output must be 'probabilities' or 'features', got {self.output!r}")
        recognizer = Recognizer(self.model, threads=self.threads, device=self.device)
        if self.output == "features":  # a network without an LSTM has none
            size = recognizer.spec.input_size
            recognizer.predict_features(np.zeros((0, size, size), dtype=np.uint8))
        self.recognizer_ = recognizer
        self.n_features_in_ = recognizer.spec.input_size**2
        self._check(X)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Read faces.

        Args:
            X: Grey levels from 0 to 255: (N, 48, 48), or flattened (N, 2304), as returned by
                `Recognizer.crop` and stored in fer2013.csv.

        Returns:
            (N, C) float32 probabilities, or (N, U) float32 features.

        Raises:
            InputError: The faces have another shape or range.
            NotFittedError: `fit` has not been called (scikit-learn's).
        """
        check_is_fitted(self, "recognizer_")
        faces = self._check(X)
        if self.output == "probabilities":
            return self.recognizer_.predict_probabilities(faces)
        return self.recognizer_.predict_features(faces)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return the columns' names.

        Args:
            input_features: Ignored.

        Returns:
            The expressions, or `feature0` and so on.
        """
        check_is_fitted(self, "recognizer_")
        if self.output == "probabilities":
            return np.asarray(self.recognizer_.emotions, dtype=object)
        size = self.recognizer_.spec.input_size
        blank = np.zeros((1, size, size), dtype=np.uint8)
        width = self.recognizer_.predict_features(blank).shape[1]
        return np.asarray([f"feature{index}" for index in range(width)], dtype=object)

    def _check(self, levels: ArrayLike) -> NDArray[np.uint8]:
        """Return faces as (N, 48, 48) uint8."""
        faces = np.asarray(levels)
        size = self.recognizer_.spec.input_size
        if faces.ndim == 2 and faces.shape[1] == size**2:
            faces = faces.reshape(-1, size, size)
        if faces.shape[1:] != (size, size) or not len(faces):
            raise InputError(
                f"faces must be (N, {size}, {size}) or (N, {size**2}), got {faces.shape}; crop "
                "them with Recognizer.crop"
            )

        # Other dtypes are accepted if their values are grey levels: floats may have lost the dtype.
        if faces.dtype != np.uint8:
            is_level = np.issubdtype(faces.dtype, np.number) and not np.iscomplexobj(faces)
            if not is_level or not ((faces >= 0) & (faces <= 255)).all():
                raise InputError("faces must be grey levels from 0 to 255")
            faces = np.rint(faces).astype(np.uint8)
        return np.ascontiguousarray(faces)

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn's own type
        """Describe the input for scikit-learn: two or three axes, integers, no fitting."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.positive_only = True
        tags.requires_fit = True
        return tags
