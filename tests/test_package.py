"""The package keeps its promises: a small sorted surface, a wall, no files opened, no network."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mien

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "lightning", "onnxruntime", "numpy", "PIL", "onnx", "cv2", "rich", "cyclopts")


def run(code: str) -> str:
    """Run Python afresh, where nothing is imported yet."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_surface_is_sorted_and_whole() -> None:
    assert dir(mien) == list(mien.__all__) == sorted(set(mien.__all__))
    for name in mien.__all__:
        value = getattr(mien, name)
        assert name == "__version__" or value is not None
        if isinstance(value, type) or callable(value):
            assert value.__doc__
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        mien.analyse  # noqa: B018


def test_type_checkers_see_every_public_name() -> None:
    source = (ROOT / "src" / "mien" / "__init__.py").read_text()
    typed = source.split("if TYPE_CHECKING")[1].split("_HOMES")[0]
    for name in mien.__all__:
        assert re.search(rf"import {name} as {name}\n|{name}: str\n", typed), name


def test_the_version_has_one_home() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert mien.__version__ == project["version"]


def test_the_extra_all_names_every_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert extras["all"] == [f"mien[{','.join(sorted(extras.keys() - {'all'}))}]"]


def test_importing_is_free() -> None:
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(args[0]))
import mien
heavy = [name for name in {HEAVY!r} if name in sys.modules]
opened = [path for path in opened if not str(path).endswith((".py", ".pyc"))]
opened = [path for path in opened if ".pyc." not in str(path)]  # a cache being written
print(heavy, opened)
"""
    assert run(code).strip() == "[] []"


def test_importing_is_quick() -> None:
    code = """
import time
started = time.process_time()  # a busy machine makes no import slow
import mien
print(time.process_time() - started)
"""
    assert min(float(run(code)) for _ in range(3)) < 0.15


def test_a_photo_is_read_behind_the_wall_and_without_a_network(
    tiny_model: Path, portrait_path: Path
) -> None:
    code = f"""
import socket, sys

def refuse(event, args):
    if event.startswith("socket."):
        raise RuntimeError(event)

sys.addaudithook(refuse)
import mien
result = mien.analyze({str(portrait_path)!r}, model={str(tiny_model)!r})
mien.annotate(mien.read_image({str(portrait_path)!r}), result)
upper = ("torch", "lightning", "kornia", "onnx", "scipy", "sklearn", "cv2", "matplotlib")
print(len(result.faces), [name for name in upper if name in sys.modules])
"""
    assert run(code).strip() == "1 []"


def test_the_tree_holds_neither_links_nor_output() -> None:
    """A link points out of the clone, and a benchmark's result belongs beside its script."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "--stage"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a clone")
    modes = {line.split("\t")[1]: line.split()[0] for line in listed}
    assert [name for name, mode in modes.items() if mode not in {"100644", "100755"}] == []
    assert [name for name in modes if "/" not in name and name.endswith((".json", ".csv"))] == []


@pytest.mark.slow
def test_the_wheel_carries_what_it_needs_and_no_more(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    wheel = Path(next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path))))
    assert wheel.stat().st_size < 12e6
    names = zipfile.ZipFile(wheel).namelist()
    assert "mien/assets/yunet_2023mar_any_size.onnx" in names
    assert "mien/assets/face_detection_yunet_2023mar.onnx" not in names
    assert "mien/py.typed" in names
    for page in ("report/page.css", "report/gallery.js"):
        assert f"mien/{page}" in names
    assert "mien/recipes/fine-tune.toml" in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "examples", "benchmarks"))]
    pages = [name for name in names if name.startswith("mien/serving/page/")]
    assert not [name for name in pages if name.endswith((".onnx", ".wasm"))]


def test_continuous_integration_pins_every_dependency_within_its_bounds() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = list(declared["project"]["dependencies"])
    for extra in declared["project"]["optional-dependencies"].values():
        asked += extra
    for group in declared["dependency-groups"].values():
        asked += [one for one in group if isinstance(one, str)]

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        assert name == "mien" or requirement.specifier.contains(pinned[name]), requirement
