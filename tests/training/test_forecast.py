"""A training says early how long it will take."""

import time
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import lightning.pytorch as pl

from drawn_faces import drawn_dataset
from mien.training import forecast as module
from mien.training.config import Stage
from mien.training.fit import fit
from mien.training.forecast import Forecast
from mien.training.recipes import read_config

SMOKE = read_config("smoke")


class Steps:
    """A trainer that steps; only its numbers are looked at."""

    current_epoch = 0
    is_global_zero = True

    def __init__(self, batches: int) -> None:
        self.num_training_batches = batches


def run_epoch(callback: pl.Callback, batches: int, clock: list[float]) -> None:
    for number in range(batches):
        callback.on_train_batch_start(Steps(batches), None, None, number)
        clock[0] += 10.0 if number == 0 else 1.0  # the first step is slow
        callback.on_train_batch_end(Steps(batches), None, None, None, number)


@pytest.mark.parametrize(
    ("batches", "stages", "left_s"),
    [
        (100, (Stage(48, 2),), 2 * (100 + 10) - 4),  # told after three measured steps
        (100, (Stage(24, 1), Stage(48, 1)), (1 + 4) * (100 + 10) - 4),
        (2, (Stage(48, 3),), 3 * (2 + 10) - 2),  # fewer than can be measured: at the epoch's end
        (1, (Stage(48, 3),), (3 * (1 + 10) - 1) * 10),
    ],
)
def test_it_goes_by_the_first_steps(batches, stages, left_s, monkeypatch):
    clock, told = [0.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    config = replace(SMOKE, stages=stages, batch_size=64)
    run_epoch(Forecast(config, 30 * 64, told.append), batches, clock)
    assert told == [pytest.approx(left_s)]


@pytest.mark.slow
def test_a_training_tells_once_before_its_first_epoch_ends(tmp_path, capsys):
    told = []
    config = replace(SMOKE, stages=(Stage(48, 3),))
    began = time.monotonic()

    def note(left_s: float) -> None:
        told.append((left_s, time.monotonic() - began, capsys.readouterr().out))

    fit(config, drawn_dataset(), tmp_path, on_forecast=note)
    ((left_s, after_s, printed),) = told
    assert 0 < left_s < 60
    assert after_s < time.monotonic() - began
    assert "epoch" not in printed  # no epoch's line came before it
