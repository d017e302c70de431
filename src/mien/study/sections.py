"""Write the parts that sections of a study's report share: headings, tables, numbers."""

from collections.abc import Sequence
from typing import Final

from mien.report.page import Html, fill, join
from mien.words import Language

LEVEL: Final = 0.95
"""Confidence level of the intervals."""
ALPHA: Final = 0.05
"""Corrected p-values below it are marked."""


def say_range(
    low: float | None, high: float | None, language: Language, decimals: int, *, sign: bool = False
) -> str:
    """Format an interval; a dash where there is none."""
    if low is None or high is None:
        return "–"
    ends = [language.number(end, decimals, sign=sign) for end in (low, high)]
    return language.say("study.range", low=ends[0], high=ends[1])


def say_p(p: float, language: Language) -> str:
    """Format p as papers do."""
    return f"< {language.number(0.001, 3)}" if p < 0.001 else language.number(p, 3)


def say_share(share: float | None, language: Language) -> str:
    """Format a share in percent; a dash where there is none."""
    return "–" if share is None else language.percent(share)


def write_section(anchor: str, title: str, notes: Sequence[str], body: Html) -> Html:
    """Write a section: its heading, paragraphs, and what follows them."""
    return fill(
        '<section aria-labelledby="{id}"><h2 id="{id}">{title}</h2>{notes}{body}</section>',
        id=anchor,
        title=title,
        notes=join(fill("<p>{note}</p>", note=note) for note in notes),
        body=body,
    )


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """Write a table; long tables scroll."""
    cells = (
        join(
            (
                fill('<th scope="row">{cell}</th>' if not n else "<td>{cell}</td>", cell=cell)
                for n, cell in enumerate(row)
            ),
            "",
        )
        for row in rows
    )

    return fill(
        '<div class="scroll tall" tabindex="0" role="group" aria-label="{what}">'
        '<table class="figures"><thead><tr>'
        "{head}</tr></thead><tbody>{rows}</tbody></table></div>",
        what=" × ".join(head[:2]),
        head=join((fill('<th scope="col">{name}</th>', name=name) for name in head), ""),
        rows=join(fill("<tr>{cells}</tr>", cells=one) for one in cells),
    )
