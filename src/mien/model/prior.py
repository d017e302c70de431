"""Adjust probabilities to an expected mix of expressions, a prior.

A calibrated model reflects the mix of expressions in its calibration data, where people are happy
or neutral more often than afraid. Where another mix is known, as in an experiment that shows each
expression equally often, each probability is multiplied by the ratio of expected to learnt share,
and the result is normalised (Saerens et al. 2002, "Adjusting the Outputs of a Classifier to New a
Priori Probabilities", Neural Computation 14). This equals a constant shift of the logits.
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
"""`natural`, the mix the model learnt; `balanced`, equal shares; or a share per expression."""


def find_shift(prior: Prior, spec: ModelSpec) -> NDArray[np.float64] | None:
    """Compute the shift of the logits for a prior.

    Args:
        prior: `natural`, `balanced`, or a share for each of the model's expressions, 0 or more. The
            shares need not sum to 1. They can also be text: "happy=2, neutral=2, sad=1". Omitted
            expressions get a share of 0.
        spec: The model's contract.

    Returns:
        (C,), to add to the logits after the temperature; None if nothing changes.

    Raises:
        ConfigError: The prior cannot be read, names an expression that the model does not know, or
            the contract does not state the mix the model learnt.
    """
    if prior == NATURAL:
        return None
    expected = _read(prior, spec.class_names)
    if spec.class_shares is None:
        raise ConfigError(
            f"the contract of model {spec.name!r} does not state the mix of expressions it learnt, "
            "so no other can be applied; run mien export MODEL.onnx --data ... to add it"
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
                f"the prior has {name!r}, which the model does not know; it knows "
                f"{', '.join(names)}"
            )
    values = np.array([shares.get(name, 0.0) for name in names], dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
        raise ConfigError("the shares of a prior must be 0 or more, and not all 0")
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
                f"the prior {text[:60]!r} cannot be read; expected {NATURAL}, {BALANCED}, or "
                "shares such as happy=0.5,neutral=0.5"
            )
        shares[name.strip()] = number
    return shares
