"""The limits of a service make sense together, or are refused in a sentence."""

import dataclasses

import pytest

from mien.errors import ConfigError
from mien.serving.limits import Limits


def test_the_defaults_stand():
    assert Limits().threads >= 1
    assert Limits(workers=3).threads == 3


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(Limits)])
def test_every_limit_must_be_above_zero(name):
    option = f"--{name.replace('_', '-')}"
    with pytest.raises(ConfigError, match=option):
        Limits(**{name: -1})
    with pytest.raises(ConfigError, match=option):
        Limits(**{name: float("nan")})


def test_limits_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match=r"--max-images .* --max-waiting"):
        Limits(max_images=100)
