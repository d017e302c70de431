"""Assemble a report as one HTML file that makes no network request.

Everything put into a template is escaped unless it is already `Html`, because file names are
untrusted input. The page's Content-Security-Policy lists the hashes of its style and script, so a
browser runs nothing else and opens no connection.
"""

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata, resources
from typing import Final

from mien.addresses import printable
from mien.drawing.palette import PALETTE
from mien.emotions import EMOTIONS
from mien.model.spec import LABELS, ModelSpec

_REASONS: Final = {"too_small": "too small", "uncertain": "uncertain"}

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
{scripts}</body>
</html>
"""

_NOTE: Final = """<section class="note" aria-labelledby="note">
<h2 id="note">Use with care</h2>
<p>mien names the <em>apparent</em> expression: the word people would most likely choose for this
face. It does not know what anyone feels, means or is like, and faces differ between people and
cultures. Do not use these results to judge a person or to make decisions about one. In the European
Union, inferring the emotions of people at work or in education is prohibited except for medical and
safety reasons, and elsewhere the people concerned must be informed (Regulation (EU) 2024/1689,
Articles 5 and 50). {numbers}</p>
<p>{pictures} This page is self-contained: it makes no network connection and sends nothing.</p>
</section>
"""


class Html(str):
    """Text that is already HTML and is not escaped again."""

    __slots__ = ()


def fill(template: str, **values: object) -> Html:
    """Fill in a template's `{names}`; everything but `Html` is escaped."""
    return Html(
        template.format_map(
            {
                name: value if isinstance(value, Html) else html.escape(str(value))
                for name, value in values.items()
            }
        )
    )


def join(parts: Iterable[Html], between: str = "\n") -> Html:
    """Join pieces of HTML."""
    return Html(between.join(parts))


def render_page(title: str, body: Html, *, script: str = "", data: object = None) -> str:
    """Assemble a page.

    Args:
        title: The title in the browser's tab.
        body: Content of `<main>`.
        script: Name of a script in this package, or "".
        data: JSON types, which the script reads from the element `data`.

    Returns:
        The page; encode it as UTF-8.
    """
    style = _read("page.css")
    code = _read(script) if script else ""

    # The page runs only the scripts whose hashes are listed, and fetches nothing.
    allowed = _hash(code) if code else "'none'"
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src {_hash(style)}; script-src {allowed}"
    )

    scripts = ""
    if code:
        scripts = (
            f'<script id="data" type="application/json">{_to_json(data)}</script>\n'
            f"<script>{code}</script>\n"
        )

    page = fill(
        _PAGE,
        policy=policy,
        title=title,
        style=Html(style),
        body=body,
        scripts=Html(scripts),
    )

    return printable(page)


def write_note(*, pictures: str, numbers: str) -> Html:
    """Write the advice on careful use."""
    return fill(_NOTE, pictures=pictures, numbers=numbers)


def write_provenance(model: ModelSpec, settings: Mapping[str, object], created: datetime) -> Html:
    """Write the settings, the model and the version of mien behind the results."""
    threshold = model.abstention_threshold
    rows: dict[str, object] = {
        **{_say_name(name): _say(value) for name, value in settings.items()},
        "model": f"{model.name} (SHA-256 {model.onnx_sha256[:12]})",
        "answers with": LABELS[model.labels],
        "names an expression": "always"
        if threshold is None
        else f"at a probability of {threshold:.0%} or more",
        "mien": metadata.version("mien"),
        "made": created.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }

    items = (
        fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value)
        for name, value in rows.items()
    )
    return fill(
        '<section aria-labelledby="made"><h2 id="made">How this was made</h2>\n'
        "<dl>{items}</dl></section>\n",
        items=join(items),
    )


def describe_accuracy(model: ModelSpec) -> str:
    """Return the accuracy of the model as a sentence, if its contract states it."""
    for split, title in (("test", "its test faces"), ("validation", "its validation faces")):
        figures = model.metrics.get(split)
        accuracy = figures.get("accuracy") if isinstance(figures, Mapping) else None
        if isinstance(accuracy, int | float):
            return (
                f"The model {model.name} agrees with {LABELS[model.labels]} on {accuracy:.0%} of "
                f"{title}, which resemble its training data; on your pictures it may be right "
                "less often."
            )
    return "Evaluate the model on your own pictures before you rely on it."


def color_class(name: str, names: tuple[str, ...] = EMOTIONS) -> str:
    """Return the style class of an expression's colour."""
    order = EMOTIONS if name in EMOTIONS else names
    return f"c{order.index(name) % len(PALETTE)}" if name in order else "c-none"


def say_reason(reason: str | None) -> str:
    """Return why no expression is named, in words."""
    return _REASONS.get(reason or "", reason or "")


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def percent(share: float) -> str:
    """Format a share in whole per cent; a share above 0 is never shown as 0."""
    if 0 < share < 0.005:
        return "<1\N{NO-BREAK SPACE}%"
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Format a number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def _say_name(name: str) -> str:
    """Format a setting's name with its unit: `smoothing_s` is "smoothing (s)"."""
    stem, _, unit = name.rpartition("_")
    if stem and unit in {"s", "px"}:
        return f"{stem.replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def _say(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "not set" if value is None else str(value)


def _read(name: str) -> str:
    text = resources.files("mien.report").joinpath(name).read_text(encoding="utf-8")
    if name != "page.css":
        return text
    colors = "\n".join(
        f".c{index} {{ --color: {color}; --on: {on}; }}"
        for index, (color, on) in enumerate(zip(PALETTE, _inks(), strict=True))
    )
    return text + colors + "\n"


def _inks() -> tuple[str, ...]:
    """Return black for every colour: the whole palette is light enough for a contrast of 4.5."""
    return ("#000000",) * len(PALETTE)


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _to_json(data: object) -> str:
    """Return JSON that cannot close the script element around it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
