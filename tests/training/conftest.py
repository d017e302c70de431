"""Fixtures of the tests that train."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small batches are quicker so, and a child process of a test does the same."""
    torch = pytest.importorskip("torch", reason="mien[train] is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
