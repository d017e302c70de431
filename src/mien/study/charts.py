"""Draw a study's charts: a participant's strip over time, and a forest plot of differences."""

import math
from collections.abc import Sequence
from typing import Final

from mien.report.page import Html, color_class, fill, join
from mien.study.reading import Row
from mien.study.sections import ALPHA, say_range
from mien.study.statistics import Comparison
from mien.words import Language

_STEPS: Final = 120  # stretches of a timeline
_WIDE, _TALL = 1000, 20  # units of a row of a forest plot


def draw_strip(rows: Sequence[Row], names: tuple[str, ...], language: Language) -> Html:
    """Draw readings from first to last as a band of colours.

    Args:
        rows: Of one participant under one condition, in order.
        names: The model's expressions.
        language: Language of the page.
    """
    size = max(1, -(-len(rows) // _STEPS))
    bands: list[tuple[str | None, int]] = []
    for start in range(0, len(rows), size):
        some = [row.shown for row in rows[start : start + size]]
        word = max(dict.fromkeys(some), key=some.count)
        if bands and bands[-1][0] == word:
            bands[-1] = word, bands[-1][1] + len(some)
        else:
            bands.append((word, len(some)))

    rects, x = [], 0
    for word, width in bands:
        if word is not None:
            rects.append(
                fill(
                    '<rect class="stretch {color}" x="{x}" width="{width}" height="10"/>',
                    color=color_class(word, names),
                    x=x,
                    width=width,
                )
            )
        x += width
    shares = {name: sum(row.shown == name for row in rows) for name in names}
    most = ", ".join(
        f"{language.word(name)} {language.percent(n / len(rows))}"
        for name, n in sorted(shares.items(), key=lambda item: -item[1])[:3]
        if n
    )
    return fill(
        '<svg role="img" aria-label="{words}" viewBox="0 0 {wide} 10" preserveAspectRatio="none" '
        'width="100%" height="14">{rects}</svg>',
        words=most or language.say("study.no_face"),
        wide=x,
        rects=join(rects, ""),
    )


def draw_forest(
    comparisons: Sequence[Comparison], names: tuple[str, ...], language: Language
) -> Html:
    """Draw differences with their intervals, a panel for each pair of conditions.

    All panels have one scale, which is symmetric around 0.

    Args:
        comparisons: Those of every pair of conditions together.
        names: The model's expressions, which the measures are of.
        language: Language of the page.
    """
    ends = [
        abs(end)
        for one in comparisons
        for end in (one.difference, one.low, one.high)
        if end is not None
    ]
    reach = _round_up(max(ends, default=0.0))

    pairs = dict.fromkeys((one.first, one.second) for one in comparisons)
    panels = []
    for first, second in pairs:
        own = [one for one in comparisons if (one.first, one.second) == (first, second)]
        panels.append(
            fill(
                '<figure class="forest"><figcaption>{pair}</figcaption>{rows}'
                '<div class="whisker"><span></span><span class="scale"><span>−{reach}</span>'
                "<span>0</span><span>+{reach}</span></span><span></span></div></figure>",
                pair=language.say("study.minus", first=first, second=second),
                rows=join(_draw_whisker(one, reach, names, language) for one in own),
                reach=language.number(reach, max(0, -math.floor(math.log10(reach)))),
            )
        )
    return join(panels)


def _draw_whisker(
    one: Comparison, reach: float, names: tuple[str, ...], language: Language
) -> Html:
    """Draw one difference: its interval as a line, the estimate as a dot, hollow if not sure."""
    word = one.measure.removeprefix("mean_").removesuffix("_baseline")

    def place(value: float) -> str:
        return f"{_WIDE / 2 * (1 + value / reach):.1f}"

    interval = Html("")
    ends = ""
    if one.low is not None and one.high is not None:
        ends = f"[{say_range(one.low, one.high, language, 3, sign=True)}]"
        interval = fill(
            '<path class="reach" d="M{low} {y}H{high}"/>',
            low=place(one.low),
            high=place(one.high),
            y=_TALL // 2,
        )
    is_sure = one.p_holm is not None and one.p_holm < ALPHA

    return fill(
        '<div class="whisker {color}{sure}"><span>{word}</span><svg aria-hidden="true" '
        'viewBox="0 0 {wide} {tall}" preserveAspectRatio="none">'
        '<path class="zero" d="M{zero} 0V{tall}"/>{interval}'
        '<path class="dot" d="M{at} {y}h0"/><path class="core" d="M{at} {y}h0"/></svg>'
        "<span>{difference} <small>{ends}</small></span></div>",
        color=color_class(word, names),
        sure=" sure" if is_sure else "",
        word=language.word(word),
        wide=_WIDE,
        tall=_TALL,
        zero=_WIDE // 2,
        interval=interval,
        at=place(one.difference),
        y=_TALL // 2,
        difference=language.number(one.difference, 3, sign=True),
        ends=ends,
    )


def _round_up(value: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten, for the end of a scale."""
    if value <= 0:
        return 0.1
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
