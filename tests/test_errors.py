"""A bug in mien, or a library that dropped an argument, is never told as a fault of the input."""

import ast
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest

import mien

SOURCES = sorted(Path(mien.__file__).parent.rglob("*.py"))
ASKS = {"is_program_fault", "damaged"}  # the second asks the first


def broad_handlers(tree: ast.AST) -> Iterator[ast.ExceptHandler]:
    """Handlers of any exception that raise another one in its place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and ast.unparse(node.type or node) == "Exception":
            raised = [one for one in ast.walk(node) if isinstance(one, ast.Raise)]
            if any(isinstance(one.exc, ast.Call) for one in raised):
                yield node


@pytest.mark.slow
def test_a_handler_of_any_exception_asks_whose_fault_it_is() -> None:
    found = set()
    for path in SOURCES:
        for handler in broad_handlers(ast.parse(path.read_text(encoding="utf-8"))):
            found.add(path.name)
            calls = {
                ast.unparse(one.func) for one in ast.walk(handler) if isinstance(one, ast.Call)
            }
            assert calls & ASKS, f"{path}:{handler.lineno}"
    assert {"container.py", "stream.py", "sessions.py"} <= found


def test_a_release_of_onnxruntime_that_lacks_an_argument_is_not_told_as_a_bad_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda model: None)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        mien.FaceDetector()
