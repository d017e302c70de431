"""Write the reference of the formats: the results' JSON Schema, and the HTTP service's OpenAPI."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import mien
from mien.serving.app import create_app
from pages import ROOT

SCHEMA: Final = ROOT / "src" / "mien" / "result.schema.json"
_RECORDS: Final = ("image", "frame", "video", "failure", "face", "track", "event")
"""The schema's kinds of records, and then what they contain."""


def write_formats(target: Path) -> None:
    """Write both pages, and both schemas as files.

    Args:
        target: Folder of the site's pages.
    """
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    (target / SCHEMA.name).write_text(json.dumps(schema, indent=2), encoding="utf-8")
    (target / "reference-schema.md").write_text(write_schema(schema), encoding="utf-8")

    openapi = create_app(mien.Analyzer(threads=1)).openapi()
    (target / "openapi.json").write_text(json.dumps(openapi, indent=2), encoding="utf-8")
    (target / "reference-http.md").write_text(write_http(openapi), encoding="utf-8")


def write_schema(schema: dict[str, Any]) -> str:
    """Write a table of each kind of record.

    Args:
        schema: The JSON Schema of results.
    """
    parts = [
        "# Results' schema\n",
        f"{schema['description']}\n",
        "As a file: [result.schema.json](result.schema.json) (JSON Schema 2020-12).\n",
        "[Results and tables](results.md#json) shows how to use it.\n",
    ]
    for name in _RECORDS:
        record = schema["$defs"][name]
        title = record.get("title", f"`{name}`")
        anchor = f' <a id="{name}"></a>' if "title" in record else ""
        parts += [f"## {title}{anchor}\n", "| key | type | meaning |", "|---|---|---|"]
        for key, rule in record["properties"].items():
            whole = {**_resolve(rule, schema), **rule}
            needed = "" if key in record["required"] else " (optional)"
            meaning = whole.get("description", "")
            parts.append(f"| `{key}` | {_name_type(rule, schema)}{needed} | {meaning} |")
        parts.append("")
    return "\n".join(parts)


def _resolve(rule: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (
        schema["$defs"][rule["$ref"].rsplit("/", 1)[-1]] if "$ref" in rule else rule
    )
    return found


def _name_type(rule: dict[str, Any], schema: dict[str, Any]) -> str:
    """Name a value's type and range in a few words."""
    name = rule.get("$ref", "").rsplit("/", 1)[-1]
    if name in _RECORDS:
        return f"[`{name}`](#{name})"
    whole = _resolve(rule, schema)
    if "oneOf" in whole:
        return "; or ".join(_name_type(one, schema) for one in whole["oneOf"])
    if "const" in whole or "enum" in whole:
        values = whole.get("enum", [whole.get("const")])
        return ", ".join(f"`{json.dumps(value)}`" for value in values)

    types = whole["type"] if isinstance(whole["type"], list) else [whole["type"]]
    words = " or ".join(types)
    if whole.get("items"):
        words += f" of {_name_type(whole['items'], schema)}"
    if "minimum" in whole:
        words += (
            f", {whole['minimum']} to {whole['maximum']}"
            if "maximum" in whole
            else (f", {whole['minimum']} or more")
        )
    if "properties" in whole:
        words += f" of {', '.join(f'`{key}`' for key in whole['properties'])}"
    return words


def write_http(openapi: dict[str, Any]) -> str:
    """Write what each endpoint takes and returns.

    Args:
        openapi: The service's OpenAPI schema.
    """
    parts = [
        "# HTTP reference\n",
        "Every endpoint of `mien serve`, as a file: [openapi.json](openapi.json).\n",
        "[HTTP service](serve.md) explains how to run it.\n",
    ]
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            parts += _describe(f"{method.upper()} {path}", operation)
    return "\n".join(parts)


def _describe(title: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{operation['summary']}. {operation.get('description', '')}\n"
    accepted = operation.get("requestBody", {}).get("content", {})
    if accepted:
        yield f"Accepts {', '.join(f'`{name}`' for name in accepted)}.\n"

    parameters = operation.get("parameters", ())
    if parameters:
        yield "| parameter | meaning |\n|---|---|"
        for one in parameters:
            yield f"| `{one['name']}` ({one['in']}) | {_flatten(one.get('description', ''))} |"
        yield ""

    yield "| status | response |\n|--:|---|"
    for status, response in operation["responses"].items():
        yield f"| {status} | {_flatten(response['description'])} |"
    yield ""


def _flatten(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")
