"""Render the service's OpenAPI as an HTML page without scripts or external resources."""

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from mien.serving.problems import KINDS
from mien.serving.schemas import EXAMPLES

CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; font-size: 1.15rem; }
h2 code { font-size: inherit; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; background: #8882; border-radius: 6px; }
th, td { text-align: left; vertical-align: top; padding: .15rem 1rem .15rem 0; }
:target { background: #fc04; }
"""


def write_docs_page(openapi: dict[str, Any]) -> str:
    """Render the page.

    Args:
        openapi: The schema from `/openapi.json`.
    """
    about = openapi["info"]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{escape(about['title'])}</title>",
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>',
        f"<h1>{escape(about['title'])}</h1><p>{escape(about['description'])}</p>",
        '<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>',
    ]
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            parts += _describe(method, path, operation)
    parts += _list_problems()
    return "\n".join((*parts, "</html>"))


def _describe(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
    told = escape(f"{operation['summary']}. {operation['description']}")
    told = re.sub(r"`(.+?)`", r"<code>\1</code>", told)
    yield f"<p>{told}</p>"

    taken = operation.get("requestBody", {}).get("content", {})
    if taken:
        yield f"<p>Accepts {', '.join(f'<code>{escape(name)}</code>' for name in taken)}.</p>"

    yield "<table>"
    for status, told in operation["responses"].items():
        yield f"<tr><th>{status}</th><td>{escape(told['description'])}</td></tr>"
    yield "</table>"

    for told in operation["responses"].values():
        for name in told.get("content", {}).get("application/json", {}).get("examples", {}):
            example = EXAMPLES[name]
            text = json.dumps(example["value"], indent=2, ensure_ascii=False)
            yield f"<details><summary>{example['summary']}</summary><pre>{escape(text)}</pre>"
            yield "</details>"


def _list_problems() -> Iterator[str]:
    yield "<h2>Problems</h2><p>Every error is a problem document (RFC 9457) whose "
    yield "<code>type</code> links to an entry of this list.</p><table>"
    for kind, (status, title) in KINDS.items():
        yield f'<tr id="{kind}"><th>{status}</th><td><code>{kind}</code></td><td>{title}</td></tr>'
    yield "</table>"
