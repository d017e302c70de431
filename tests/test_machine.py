"""Benchmarks record the processor's instruction sets, which decide how fast the networks run."""

import json
from pathlib import Path

import pytest

from machine import describe_command, describe_machine, identify
from mien.model.recognizer import ASSETS, MODELS
from mien.model.spec import ModelSpec

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OF_ANSWERS = sorted(
    script.with_suffix(".json")
    for script in BENCHMARKS.glob("*.py")
    if "models=" in script.read_text(encoding="utf-8") and script.with_suffix(".json").is_file()
)
"""Results that depend on what a model answers."""

INTEL = """processor : 0
model name : Some CPU
flags : fpu sse2 avx2 avx512f avx512_vnni amx_bf16

processor : 1
model name : Some CPU
flags : fpu
"""


def test_instruction_sets_are_named(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(INTEL)
    machine = describe_machine(cpuinfo)
    assert machine["processor"] == "Some CPU"
    assert machine["instruction_sets"] == ["AVX2", "AVX-512", "VNNI", "AMX bf16"]


def test_where_the_system_lists_none_they_are_unknown(tmp_path):
    assert describe_machine(tmp_path / "nowhere")["instruction_sets"] is None
    (tmp_path / "cpuinfo").write_text("processor : 0\n")
    assert describe_machine(tmp_path / "cpuinfo")["instruction_sets"] is None


def test_the_command_is_what_was_run_without_the_folders_of_this_machine(tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    script = str(Path("anywhere", "benchmarks", "peers.py"))
    asked = [script, "--fer", str(python), "--data", str(tmp_path / "my faces.zip"), "--rounds=1"]
    assert describe_command(asked) == (
        "python benchmarks/peers.py --fer env/bin/python --data 'my faces.zip' --rounds=1"
    )
    assert describe_command(["x.py", "../d/a.zip", "b/c.zip"]) == (
        "python benchmarks/x.py a.zip b/c.zip"
    )


@pytest.mark.parametrize("path", OF_ANSWERS, ids=lambda path: path.stem)
def test_a_result_was_measured_with_the_models_that_ship(path):
    recorded = json.loads(path.read_text(encoding="utf-8"))["models"]
    assert recorded == identify(list(recorded)), f"run again: python benchmarks/{path.stem}.py"


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted((BENCHMARKS / "accuracy").glob("*.json"))
        if path.stem.removesuffix("-corruptions") in MODELS
    ],
    ids=lambda path: path.stem,
)
def test_an_evaluation_is_of_the_model_that_ships(path):
    evaluated = json.loads(path.read_text(encoding="utf-8"))["model"]
    spec = ModelSpec.read(ASSETS / f"{evaluated['name']}.json")
    assert evaluated["sha256"] == spec.onnx_sha256
    # A later export may have fitted them anew, to the last digits.
    assert evaluated["temperature"] == pytest.approx(spec.temperature)
    assert evaluated["certainty_temperature"] == pytest.approx(spec.certainty_temperature)
