"""Every surface offers the same options, under the same names and with the same defaults."""

import inspect
import pickle
from dataclasses import fields
from typing import get_type_hints

import pytest

import mien
from mien.cli import app
from mien.faces.options import DetectorOptions
from mien.options import Keywords, ReadingOptions
from mien.serving.settings import PictureSettings, describe_settings

OPTIONS = {field.name: field.default for field in fields(ReadingOptions)}
ALSO = {"features"}
"""What a result holds besides."""
WHERE = {"model", "device", "threads"}
"""With what and where it is read; a request can choose the model alone, a command no threads."""


def defaults_of(function: object) -> dict[str, object]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def test_python_has_them_all() -> None:
    offered = defaults_of(mien.analyze)
    assert offered.keys() == OPTIONS.keys() | WHERE | ALSO | {"video", "progress"}
    assert {name: offered[name] for name in OPTIONS} == OPTIONS


def test_the_types_of_keywords_are_those_of_the_options() -> None:
    keywords, options = get_type_hints(Keywords), get_type_hints(ReadingOptions)
    assert keywords.keys() == options.keys() | WHERE | ALSO
    assert {name: keywords[name] for name in options} == options


def test_the_detector_takes_its_part() -> None:
    searched = {field.name: field.default for field in fields(DetectorOptions)}
    for function in (mien.FaceDetector, mien.detect_faces):
        offered = defaults_of(function)
        assert offered.keys() - WHERE == searched.keys()
        assert {name: offered[name] for name in searched} == searched


def test_the_command_has_them_all() -> None:
    arguments = app["analyze"].assemble_argument_collection(parse_docstring=True)
    offered = {argument.field_info.name: argument for argument in arguments}
    assert OPTIONS.keys() | (WHERE - {"threads"}) <= offered.keys()
    for name, default in OPTIONS.items():
        assert offered[name].field_info.default == default
        assert offered[name].parameter.help, f"{name} has no words for the command line"


def test_the_service_has_them_all() -> None:
    offered = {setting["name"]: setting["schema"] for setting in describe_settings("image")}
    assert offered.keys() == {field.name for field in fields(PictureSettings)}
    assert offered.keys() == OPTIONS.keys() | {"model"} | ALSO
    for name, default in OPTIONS.items():
        assert offered[name].get("default") == default


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("detector_size", 31),
        ("min_score", 0),
        ("rotated", "perhaps"),
        ("limit_faces", 0),
        ("min_face_px", -1),
    ],
)
def test_a_value_out_of_range_is_named(option: str, value: object) -> None:
    with pytest.raises(mien.ConfigError, match=f"{option} must be"):
        ReadingOptions(**{option: value})
    with pytest.raises(mien.ConfigError, match=f"{option} must be"):
        mien.FaceDetector(**{option: value})


def test_a_detector_with_other_options_shares_the_network_and_can_be_pickled() -> None:
    detector = mien.FaceDetector(threads=1)
    other = detector.with_options(PictureSettings(detector_size=320, model="fast"))
    assert other._network is detector._network
    assert detector.options == DetectorOptions()
    again = pickle.loads(pickle.dumps(other))
    assert again.options == other.options == DetectorOptions(detector_size=320)
