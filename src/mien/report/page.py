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
from mien.model.spec import ModelSpec
from mien.words import Language

_PAGE: Final = """<!doctype html>
<html lang="{lang}" dir="{direction}">
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
<h2 id="note">{title}</h2>
<p>{note} {numbers}</p>
<p>{pictures} {offline}</p>
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


def render_page(
    title: str, body: Html, language: Language, *, script: str = "", data: object = None
) -> str:
    """Assemble a page.

    Args:
        title: The title in the browser's tab.
        body: Content of `<main>`.
        language: Language of the page.
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
        lang=language.code,
        direction=language.direction,
        policy=policy,
        title=title,
        style=Html(style),
        body=body,
        scripts=Html(scripts),
    )

    return printable(page)


def write_cards(cards: Iterable[tuple[str, str]]) -> Html:
    """Write figures, and under each what it counts."""
    return join(
        fill('<li class="card"><b>{figure}</b><span>{what}</span></li>', figure=figure, what=what)
        for figure, what in cards
    )


def write_note(model: ModelSpec, pictures: str, language: Language) -> Html:
    """Write the advice on careful use.

    Args:
        model: Contract of the model that read the faces.
        pictures: The key of what is said about the pictures on the page; "" says nothing.
        language: Language of the page.
    """
    return fill(
        _NOTE,
        title=language.say("report.note_title"),
        note=language.say("report.note"),
        numbers=_describe_accuracy(model, language),
        pictures=language.say(pictures) if pictures else "",
        offline=language.say("report.note_offline"),
    )


def write_provenance(
    model: ModelSpec, settings: Mapping[str, object], created: datetime, language: Language
) -> Html:
    """Write the settings, the model and the version of mien behind the results."""
    threshold = model.abstention_threshold
    names = (
        language.say("report.made_always")
        if threshold is None
        else language.say("report.made_threshold", share=language.percent(threshold))
    )
    rows: dict[str, object] = {
        language.say("report.made_model"): f"{model.name} (SHA-256 {model.onnx_sha256[:12]})",
        language.say("report.made_labels"): language.say(f"report.labels_{model.labels}"),
        language.say("report.made_names"): names,
        "mien": metadata.version("mien"),
        language.say("report.made_on"): created.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }

    # The names of settings are those of options, which are English in every language.
    items = [
        fill(
            '<div><dt lang="en">{name}</dt><dd><bdi>{value}</bdi></dd></div>',
            name=_say_name(name),
            value=_say(value, language),
        )
        for name, value in settings.items()
    ]
    items += [
        fill("<div><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>", name=name, value=value)
        for name, value in rows.items()
    ]
    return fill(
        '<section aria-labelledby="made"><h2 id="made">{title}</h2>\n<dl>{items}</dl></section>\n',
        title=language.say("report.made_title"),
        items=join(items),
    )


def _describe_accuracy(model: ModelSpec, language: Language) -> str:
    """Return the accuracy of the model as a sentence, if its contract states it."""
    for split in ("test", "validation"):
        figures = model.metrics.get(split)
        accuracy = figures.get("accuracy") if isinstance(figures, Mapping) else None
        if isinstance(accuracy, int | float):
            return language.say(
                f"report.accuracy_{split}",
                model=model.name,
                labels=language.say(f"report.labels_{model.labels}"),
                share=language.percent(accuracy),
            )
    return language.say("report.accuracy_unknown")


def color_class(name: str, names: tuple[str, ...] = EMOTIONS) -> str:
    """Return the style class of an expression's colour."""
    order = EMOTIONS if name in EMOTIONS else names
    return f"c{order.index(name) % len(PALETTE)}" if name in order else "c-none"


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def _say_name(name: str) -> str:
    """Format a setting's name with its unit: `smoothing_s` is "smoothing (s)"."""
    stem, _, unit = name.rpartition("_")
    if stem and unit in {"s", "px"}:
        return f"{stem.replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def _say(value: object, language: Language) -> str:
    if isinstance(value, bool):
        return language.say("report.yes" if value else "report.no")
    if isinstance(value, float):
        return f"{value:g}"
    return language.say("report.not_set") if value is None else str(value)


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
