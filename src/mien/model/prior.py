"""A prior: which mix of expressions is expected among the faces that are read.

A calibrated model has learnt the mix of the faces it was calibrated on, where people are happy or
neutral more often than afraid. Where another mix is known, as in an experiment that shows each
expression alike often, its probabilities are weighted by expected over learnt shares and summed to
1 again (Saerens et al. 2002, "Adjusting the Outputs of a Classifier to New a Priori Probabilities",
Neural Computation 14): a shift of the logits, the same for each face.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError
from mien.model.spec import ModelSpec

NATURAL: Final = "natural"
BALANCED: Final = "balanced"

Prior = str | Mapping[str, float]
"""`natural`, the mix the model learnt; `balanced`, all alike; or a share for each expression."""


def find_shift(prior: Prior, spec: ModelSpec) -> NDArray[np.float64] | None:
    """Find the shift of the logits for a prior.

    Args:
        prior: `natural`, `balanced`, or a share for each of the model's expressions, 0 or more, of
            any sum; also as text: "happy=2, neutral=2, sad=1". Those that are left out are
            expected never.
        spec: The model's contract.

    Returns:
        (C,), to be added to the logits after the temperature; None where nothing changes.

    Raises:
        ConfigError: It is no prior, names an expression that the model does not know, or the
            contract does not say which mix the model learnt.
    """
    if prior == NATURAL:
        return None
    expected = _read(prior, spec.class_names)
    if spec.class_shares is None:
        raise ConfigError(
            f"the contract of model {spec.name!r} does not say which mix of expressions it learnt, "
            "so no other can be expected: mien export MODEL.onnx --data ... adds it"
        )
    with np.errstate(divide="ignore"):  # a share of 0 is a shift of minus infinity
        shift: NDArray[np.float64] = np.log(expected) - np.log(spec.class_shares)
    return shift


def _read(prior: Prior, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the expected share of each class, (C,), summing to 1."""
    if prior == BALANCED:
        return np.full(len(names), 1 / len(names))
    shares = _parse(prior) if isinstance(prior, str) else dict(prior)
    for name in shares:
        if name not in names:
            raise ConfigError(
                f"the prior has {name!r}, which the model does not know; it reads "
                f"{', '.join(names)}"
            )
    values = np.array([shares.get(name, 0.0) for name in names], dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
        raise ConfigError("the shares of a prior are numbers of 0 or more, and not all 0")
    expected: NDArray[np.float64] = values / values.sum()
    return expected


def _parse(text: str) -> dict[str, float]:
    """Read "happy=2, neutral=1" as shares."""
    shares = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        try:
            number = float(value) if equals else math.nan
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise ConfigError(
                f"the prior {text[:60]!r} cannot be read; wanted {NATURAL}, {BALANCED}, or shares "
                "such as happy=0.5,neutral=0.5"
            )
        shares[name.strip()] = number
    return shares
