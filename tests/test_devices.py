"""Networks run on the device that is asked for, and what is missing is one sentence."""

import importlib
import inspect
import os
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import mien
from mien import devices, sessions
from mien.cli import _GROUND_FLOOR, app, main
from mien.devices import DEVICES, choose_devices, list_devices
from mien.errors import ConfigError, MissingExtraError
from mien.options import Keywords

OTHERS = [device for device in DEVICES if device.name != "cpu"]


@pytest.mark.parametrize("device", OTHERS, ids=lambda device: device.name)
def test_what_is_missing_is_told_with_its_package(device: devices.Device) -> None:
    if list_devices()[device.name]:
        pytest.skip(f"{device.name} is here")
    with pytest.raises(MissingExtraError, match=f"pip install {device.package}"):
        mien.Analyzer("fast", device=device.name)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="device must be auto, cpu, cuda"):
        mien.Recognizer("fast", device="gpu")


def test_auto_takes_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["DmlExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(devices, "_available", lambda: there)
    assert [device.name for device in choose_devices("auto")] == ["cuda", "directml", "cpu"]
    monkeypatch.undo()
    assert [device.name for device in choose_devices("cpu")] == ["cpu"]


class Fallen:
    """A session on the CPU, as onnxruntime returns it where a driver is missing."""

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_a_device_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(devices, "_available", lambda: there)
    monkeypatch.setattr(sessions, "_open_on", lambda *_: Fallen())
    with pytest.raises(ConfigError, match="'cuda' is installed but cannot be started"):
        sessions.open_session(b"", name="x.onnx", device="cuda")
    opened = sessions.open_session(b"", name="x.onnx", device="auto")
    assert isinstance(opened, Fallen)


def test_a_network_that_a_device_cannot_run_runs_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    there = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(devices, "_available", lambda: there)
    real = onnxruntime.InferenceSession

    def refuse(model: bytes, *, sess_options: object, providers: list) -> object:
        if providers[0][0].startswith("OpenVINO"):
            raise RuntimeError("no such node")
        return real(model, sess_options=sess_options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.warns(UserWarning, match="runs on the CPU: openvino cannot run it"):
        recognizer = mien.Recognizer(tiny_model, device="openvino")
    faces = np.zeros((2, 48, 48), np.uint8)
    whole = mien.Recognizer(tiny_model).predict_probabilities(faces)
    assert np.array_equal(recognizer.predict_probabilities(faces), whole)


def test_the_device_is_pickled_too(tiny_model: Path) -> None:
    analyzer = mien.Analyzer(tiny_model, device="auto")
    assert analyzer.recognizer.__getstate__()["device"] == "auto"
    assert analyzer.detector.__getstate__()["device"] == "auto"
    pickle.loads(pickle.dumps(analyzer))


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    out = capsys.readouterr().out
    for device in DEVICES:
        assert f"{device.name} " in out
        assert device.package in out
    assert "auto is " in out


def test_the_command_line_takes_a_device(portrait_path: Path, capsys) -> None:
    missing = next(name for name, is_there in list_devices().items() if not is_there)
    assert main(["analyze", str(portrait_path), "--device", missing]) == 2
    assert "pip install" in capsys.readouterr().err


@pytest.mark.parametrize("name", _GROUND_FLOOR)
def test_every_command_that_opens_a_model_takes_a_device(name: str) -> None:
    options = inspect.signature(app[name].default_command).parameters
    assert ("model" in options) == ("device" in options)
    if "device" in options:
        assert options["device"].annotation is devices.DeviceName


OPENS = {"model", "threads"}
"""What takes these opens networks; so does a detection or a study that takes `detector_size`."""
SPARED = (
    *("mien.training", "mien.evaluation", "mien.export"),  # figures must not depend on a device
    "mien.serving.settings",  # the operator of a service chooses, a request cannot
)


def list_openers() -> dict[str, object]:
    """Find every public function and class of mien that opens a network by name."""
    found = {}
    for module in pkgutil.walk_packages(mien.__path__, "mien."):
        if module.name.startswith(("mien.__", *SPARED)):
            continue
        try:
            members = vars(importlib.import_module(module.name))
        except ImportError:  # an extra is not installed
            continue
        for name, member in members.items():
            if name.startswith("_") or getattr(member, "__module__", "") != module.name:
                continue
            for maker in filter(is_code, (member, getattr(member, "open", None))):
                parameters = set(inspect.signature(maker).parameters)
                if parameters >= OPENS or parameters >= {"model", "detector_size"}:
                    found[f"{module.name}.{maker.__qualname__}"] = parameters
    return found


def is_code(member: object) -> bool:
    """Return whether it is a function, a method, or a class with an `__init__` of Python's."""
    if inspect.isclass(member):
        member = member.__init__
    return inspect.isfunction(member) or inspect.ismethod(member)


def test_whatever_opens_a_network_takes_a_device() -> None:
    openers = list_openers()
    known = ("analyzer.Analyzer", "watch.live.Live", "watch.live.Live.open", "cli.study.study")
    assert {f"mien.{name}" for name in known} <= openers.keys()
    assert [name for name, parameters in openers.items() if "device" not in parameters] == []
    assert "device" in Keywords.__annotations__
    assert "device" in inspect.signature(mien.detect_faces).parameters


@pytest.mark.enable_socket  # mien watch listens before it opens the model
def test_a_device_reaches_the_networks_of_live_and_study(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.study.quality import MeasuringDetector

    live = mien.Live(tiny_model, device="auto")
    assert live._analyzer.recognizer.__getstate__()["device"] == "auto"
    assert live._analyzer.detector.__getstate__()["device"] == "auto"
    assert MeasuringDetector(detector_size=640, device="auto").__getstate__()["device"] == "auto"
    missing = next(name for name, is_there in list_devices().items() if not is_there)
    (tmp_path / "a_rest.jpg").write_bytes(b"")
    study = ["study", str(tmp_path), "--pattern", "{participant}_{condition}.jpg"]
    for command in (study, ["watch", "--port", "0", "--no-browser"]):
        out = ["--output", str(tmp_path / "out")] if command is study else []
        assert main([*command, *out, "--device", missing]) == 2


@pytest.mark.slow
def test_another_device_answers_as_the_cpu_does(portrait_path: Path) -> None:
    """For any device that is here, or in the Python that MIEN_DEVICE_PYTHON names."""
    python = os.environ.get("MIEN_DEVICE_PYTHON")
    if python is None and len([name for name, there in list_devices().items() if there]) == 1:
        pytest.skip("onnxruntime has only the CPU here")
    code = f"""
import warnings, mien, numpy as np
from mien.devices import list_devices
warnings.simplefilter("ignore")
faces = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
image = mien.read_image({str(portrait_path)!r})
for name, there in list_devices().items():
    if there:
        for model in ("accurate", "fast"):
            one = mien.Recognizer(model).predict_probabilities(faces)
            other = mien.Recognizer(model, device=name).predict_probabilities(faces)
            assert np.abs(one - other).max() < 1e-3, name
        (one,), (other,) = (mien.FaceDetector(device=d).detect(image) for d in ("cpu", name))
        assert abs(one.score - other.score) < 1e-3 and abs(one.box.x - other.box.x) < 0.1, name
"""
    source = str(Path(mien.__file__).parents[1])
    subprocess.run(
        [python or sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": source}
    )
