"""Fixtures that several test modules share."""

import gc
import os
import signal
from pathlib import Path

# Beside other processes of pytest-xdist, each has one core. Read by torch when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

import mien
from tiny_model import write_tiny_model

# A shell's `&` lets what it starts ignore Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("mien", deadline=None)
hypothesis.settings.load_profile("mien")

# What the test modules import, PyTorch above all, stays: garbage is not looked for while it is
# loaded, and later not among it.
gc.disable()

PORTRAIT = Path(__file__).parent.parent / "examples" / "astronaut.jpg"


def pytest_collection_finish() -> None:
    """Look for garbage again, but only in what comes after the imports."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """NASA's portrait of Eileen Collins: (512, 512, 3), one face."""
    return mien.read_image(PORTRAIT)


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    """The file of that portrait."""
    return PORTRAIT


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose answers can be worked out by hand; see tiny_model.py."""
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def analyzer(tiny_model: Path) -> mien.Analyzer:
    """The detector with the tiny model."""
    return mien.Analyzer(tiny_model, threads=1)
