"""Define JSON Schemas and examples for the service's OpenAPI."""

import json
from importlib import resources
from typing import Any, Final

from mien.emotions import EMOTIONS
from mien.serving.json_body import WITHOUT_EFFECT
from mien.serving.problems import KINDS
from mien.serving.settings import describe_members, describe_settings

Schema = dict[str, Any]


def refer(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _record(required: Schema) -> Schema:
    return {"type": "object", "properties": required, "required": list(required)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_NAMES: Final = {"image": "ImageResult", "frame": "FrameResult", "video": "VideoResult"}
_NUMBER: Final[Schema] = {"type": "number"}
_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT: Final[Schema] = {"type": "string"}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _read_published() -> dict[str, Schema]:
    """Read the JSON Schema of mien's results, with their names in the OpenAPI schema."""
    text = resources.files("mien").joinpath("result.schema.json").read_text(encoding="utf-8")
    records: dict[str, Schema] = json.loads(text)["$defs"]
    names = {name: _NAMES.get(name, name.title().replace("_", "")) for name in records}
    for name, new in names.items():
        text = text.replace(f'"#/$defs/{name}"', f'"#/components/schemas/{new}"')
    records = json.loads(text)["$defs"]
    return {new: records[name] for name, new in names.items()}


SCHEMAS: Final[dict[str, Schema]] = {
    **_read_published(),
    "Results": _record(
        {
            "results": {
                "type": "array",
                "description": "One entry per file of the form, in order.",
                "items": {"anyOf": [refer("ImageResult"), refer("Failure")]},
            }
        }
    ),
    "Job": _record(
        {
            "id": _TEXT,
            "state": {"enum": ["waiting", "running", "done", "failed", "cancelled"]},
            "progress": _described(_or_null(_SHARE), "null if the duration is unknown."),
            "frames": _described(refer("Count"), "Number of frames analysed so far."),
            "time_s": _NUMBER,
            "duration_s": _or_null(_NUMBER),
            "result": _described(_or_null(_TEXT), "The path of the result, once it is done."),
            "problem": _or_null(refer("Problem")),
        }
    ),
    "Model": {
        "type": "object",
        "description": "The model's contract: the contents of NAME.json.",
        "required": ["schema", "name", "class_names", "onnx_sha256", "temperature"],
    },
    "Problem": {
        **_record(
            {
                "type": _described(_TEXT, "Link to the description of this kind of problem."),
                "title": _TEXT,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": _described(_TEXT, "What happened, what was expected, and what to do."),
            }
        ),
        "description": "A problem document (RFC 9457).",
    },
}
"""Schemas of the service's records, by name in the OpenAPI."""

_PROBABILITIES: Final = (0.01, 0.0, 0.01, 0.9, 0.05, 0.02, 0.01)
_RESULT: Final[Schema] = {
    "schema": 1,
    "source": "<bytes>",
    "width": 640,
    "height": 480,
    "turned": 0,
    "damage": None,
    "faces": [
        {
            "box": {"x": 10.25, "y": 20.5, "width": 90.0, "height": 112.0},
            "landmarks": [[31.0, 62.1], [70.4, 61.8], [50.2, 84.9], [34.7, 105.3], [67.1, 105.0]],
            "detection_score": 0.93,
            "probabilities": dict(zip(EMOTIONS, _PROBABILITIES, strict=True)),
            "emotion": "happy",
            "reason": None,
            "certainty": 0.98,
        }
    ],
}
_FAILURE: Final[Schema] = {
    "schema": 1,
    "source": "<bytes>",
    "error": {"kind": "image", "message": "<bytes> is damaged or incomplete (...)"},
}
_JOB: Final[Schema] = {
    "id": "k3v9Yc0m2Jx1q8sZt7uW4A",
    "state": "running",
    "progress": 0.42,
    "frames": 126,
    "time_s": 4.2,
    "duration_s": 10.0,
    "result": None,
    "problem": None,
}
EXAMPLES: Final[dict[str, Schema]] = {
    "ImageResult": {"summary": "One picture", "value": _RESULT},
    "Results": {"summary": "A form", "value": {"results": [_RESULT, _FAILURE]}},
    "Job": {"summary": "A job in progress", "value": _JOB},
}
"""Examples, by name of the schema."""


def answer(description: str, *names: str) -> Schema:
    """Describe a JSON response.

    Args:
        description: Description of the response.
        names: Possible schemas, keys of `SCHEMAS`; examples are in `EXAMPLES`.
    """
    examples = {
        name: {"$ref": f"#/components/examples/{name}"} for name in names if name in EXAMPLES
    }
    content: Schema = {"schema": refer(names[0])}
    if len(names) > 1:
        content["schema"] = {"anyOf": [refer(name) for name in names]}
    if examples:
        content["examples"] = examples
    return {"description": description, "content": {"application/json": content}}


def problems(*kinds: str) -> dict[int | str, Schema]:
    """Describe the problem documents that an operation may return.

    Args:
        kinds: Kinds of problem, in addition to those of any request.
    """
    described: dict[int | str, Schema] = {}
    everywhere = (
        "malformed",
        "bad-setting",
        "no-token",
        "wrong-origin",
        "wrong-host",
        "failed",
        "busy",
    )
    for kind in sorted({*kinds, *everywhere}, key=lambda kind: KINDS[kind][0]):
        status, title = KINDS[kind]
        if status in described:
            described[status]["description"] += f"; {title[0].lower()}{title[1:]}"
            continue
        example = {"type": f"/docs#{kind}", "title": title, "status": status, "detail": "..."}
        described[status] = {
            "description": title,
            "content": {
                "application/problem+json": {"schema": refer("Problem"), "example": example}
            },
        }
        if status in {429, 503}:
            described[status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return described


def upload(family: str, formats: tuple[str, ...], *, many: bool) -> Schema:
    """Describe an operation's body: a raw file, or a form of files.

    Args:
        family: "image" or "video".
        formats: Types to list; any `family/*` is accepted.
        many: Whether the form may have several files.
    """
    binary: Schema = {"type": "string", "format": "binary"}
    files: Schema = {"type": "array", "items": binary, "minItems": 1} if many else binary
    field_name = f"{family}s" if many else family
    form = {"type": "object", "properties": {field_name: files}, "required": [field_name]}
    raw = (*(f"{family}/{name}" for name in formats), "application/octet-stream")
    content: Schema = {media_type: {"schema": binary} for media_type in raw}
    content["multipart/form-data"] = {"schema": form}
    if many:
        content["application/json"] = {"schema": _describe_json()}
    body = {"required": True, "content": content}
    return {"requestBody": body, "parameters": describe_settings(family)}


def _describe_json() -> Schema:
    """Describe a JSON body with base64 pictures, as in DeepFace's API."""
    picture = {**_TEXT, "description": "A picture as base64, or as a data URL."}
    pictures = {"type": "array", "items": picture, "minItems": 1}
    own = {"img": {"anyOf": [picture, pictures]}, "actions": {"const": ["emotion"]}}
    ignored: Schema = {name: {"description": "Has no effect."} for name in WITHOUT_EFFECT}
    return {
        "type": "object",
        "properties": {**own, **describe_members(), **ignored},
        "required": ["img"],
        "additionalProperties": False,
    }
