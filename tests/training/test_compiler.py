"""A compiled network trains as an uncompiled one does, or the missing compiler is named."""

import csv
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import torch
from torch._inductor.cpp_builder import get_cpp_compiler

from drawn_faces import drawn_dataset
from mien.errors import ConfigError
from mien.evaluation.predictor import load_predictor
from mien.export.export import export
from mien.training.checkpoint import SafetensorsIO
from mien.training.config import Stage
from mien.training.fit import fit
from mien.training.module import TrainingModule
from mien.training.recipes import read_config

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = replace(read_config("smoke"), stages=(Stage(40, 1), Stage(48, 1)))
COMPILED = replace(SHORT, compile=True)


def has_compiler():
    try:
        get_cpp_compiler()
    except RuntimeError:
        return False
    return True


def weights_of(path):
    return SafetensorsIO().load_checkpoint(path)["state_dict"]


def losses_of(folder):
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [float(row[name]) for row in rows for name in ("train_loss", "validation_loss")]


@pytest.mark.release
@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler is installed")
def test_a_compiled_run_learns_resumes_and_exports_as_an_uncompiled_one(tmp_path, monkeypatch):
    def stop_in_the_second_epoch(module, batch, index):
        if module.current_epoch == 1:
            raise KeyboardInterrupt
        return step(module, batch, index)

    # With dropout, to see that the compiled network draws the same random numbers.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    model = replace(SHORT.model, block_dropout=(0.1, 0.1, 0.1), head_dropout=0.3)
    plain, compiled = (replace(config, model=model) for config in (SHORT, COMPILED))
    dataset, step = drawn_dataset(), TrainingModule.training_step

    eager = fit(plain, dataset, tmp_path / "eager")
    whole = fit(compiled, dataset, tmp_path / "whole")
    monkeypatch.setattr(TrainingModule, "training_step", stop_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        fit(compiled, dataset, tmp_path / "resumed")
    monkeypatch.setattr(TrainingModule, "training_step", step)
    resumed = fit(compiled, dataset, tmp_path / "resumed", resume=True)

    assert losses_of(tmp_path / "whole") == pytest.approx(losses_of(tmp_path / "eager"), rel=1e-3)
    one, other = weights_of(whole.last), weights_of(resumed.last)
    assert one.keys() == weights_of(eager.last).keys()
    assert all(torch.equal(one[key], other[key]) for key in one)

    faces = dataset.splits["validation"].images
    logits = [
        load_predictor(str(export(run.last, dataset, tmp_path / name).onnx)).predict_logits(faces)
        for name, run in (("eager-model", eager), ("whole-model", whole))
    ]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-2)


def test_a_missing_compiler_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if sys.platform == "win32":
        monkeypatch.setenv("CXX", "no-such-compiler")
    else:  # read when torch is imported
        from torch._inductor import config

        monkeypatch.setattr(config.cpp, "cxx", (None, "no-such-compiler"))
    with pytest.raises(ConfigError, match=r"requires a C\+\+ compiler.*omit compile"):
        fit(COMPILED, drawn_dataset(), tmp_path)
