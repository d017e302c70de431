"""Draw charts of tracks and events as inline SVG without scripts.

Row and name identify an expression; colour is redundant. Positions on a time axis are percentages,
so text keeps its size on a phone.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from mien.report.page import Html, color_class, fill, join
from mien.report.timeline import Bin
from mien.report.times import Span, say_time
from mien.results import Event
from mien.words import Language

ROW: Final = 34
"""Height of an expression's row, in pixels."""
_BAR: Final = 30  # height of probability 1 within a row
_NEAR: Final = 2  # neighbouring bins included in the range of raw probabilities, per side
_STEPS: Final = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    36000,
)
_WIDE: Final = 1000  # the time axis in the charts' own units


def draw_track(segments: Sequence[Sequence[Bin]], names: tuple[str, ...], span: Span) -> Html:
    """Draw a row per expression: the smoothed probability, and the range of the raw ones.

    Args:
        segments: The track's bins; between two segments the face is not in view.
        names: The expressions, in the order of the bins' values.
        span: The time axis.

    Returns:
        An SVG that fills the available width.
    """
    height = ROW * len(names)
    rows = [
        fill(
            '<g class="{color}"><path class="base" d="M0 {foot}H{wide}"/>'
            '<path class="range" d="{spread}"/><path class="area" d="{area}"/>'
            '<path class="line" d="{line}"/></g>',
            color=color_class(name, names),
            foot=ROW * (index + 1) - 0.5,
            wide=_WIDE,
            spread=_draw_range(segments, index, span),
            area=_draw_area(segments, index, span),
            line=_draw_line(segments, index, span),
        )
        for index, name in enumerate(names)
    ]

    return fill(
        '<svg class="rows" viewBox="0 0 {wide} {height}" preserveAspectRatio="none" width="100%" '
        'height="{height}" aria-hidden="true" focusable="false">{holes}{rows}{open}</svg>',
        wide=_WIDE,
        height=height,
        holes=join(_shade_holes(segments, span, height)),
        rows=join(rows, ""),
        open=join(_hatch_open(segments, span, height)),
    )


def draw_events(
    events: Sequence[Event], names: tuple[str, ...], span: Span, language: Language
) -> Html:
    """Draw a track's events as a band of coloured sections with their names."""
    stretches = []
    for event in events:
        word = language.word(event.emotion)
        start, end = span.share(event.start_s), span.share(event.end_s)
        stretches.append(
            fill(
                '<svg x="{x}%" width="{width}%" height="30" class="{color} {room}">'
                '<rect class="stretch" x="0" y="1" width="100%" height="28" rx="3"/>'
                '<text x="50%" y="20" text-anchor="middle">{name}</text></svg>',
                x=_short(100 * start),
                width=_short(max(100 * (end - start), 0.25)),
                color=color_class(event.emotion, names),
                room=_room(end - start, word),
                name=word,
            )
        )

    return fill(
        '<svg class="band" width="100%" height="30" aria-hidden="true" focusable="false">'
        "{stretches}</svg>",
        stretches=join(stretches, ""),
    )


def draw_presence(frames: Mapping[int, Bin], span: Span) -> Html:
    """Draw when a face is in view; height is the share of frames that show one."""
    bins = [frames[index] for index in sorted(frames)]
    edges = _edges(bins, span)
    steps = "".join(
        f"M{left} 26V{_short(25 - 23 * one.seen / one.frames)}H{right}V26Z"
        for one, (left, right) in zip(bins, edges, strict=True)
        if one.seen
    )
    return fill(
        '<svg class="rows" viewBox="0 0 {wide} 26" preserveAspectRatio="none" width="100%" '
        'height="26" aria-hidden="true" focusable="false"><path class="base" d="M0 25.5H{wide}"/>'
        '<path class="presence" d="{steps}"/></svg>',
        wide=_WIDE,
        steps=steps,
    )


def draw_axis(span: Span) -> Html:
    """Draw the time axis."""
    length = span.end_s - span.start_s
    step = next((step for step in _STEPS if length / step <= 6), _STEPS[-1])
    first = -int(-span.start_s // step)  # rounded up
    ticks = []
    for number in range(first, int(span.end_s // step) + 1):
        share = span.share(number * step)
        anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        ticks.append(
            fill(
                '<g{odd}><line x1="{x}%" x2="{x}%" y1="0" y2="5"/><text x="{x}%" y="18" '
                'text-anchor="{anchor}">{time}</text></g>',
                odd=Html(' class="odd"' if (number - first) % 2 else ""),
                x=_short(100 * share),
                anchor=anchor,
                time=say_time(number * step, step),
            )
        )
    return fill(
        '<svg class="axis" width="100%" height="22" aria-hidden="true" focusable="false">'
        "{ticks}</svg>",
        ticks=join(ticks, ""),
    )


def draw_bar(share: float, color: str) -> Html:
    """Draw one bar of a distribution."""
    return fill(
        '<svg class="bar {color}" width="100%" height="16" aria-hidden="true" focusable="false">'
        '<rect class="rail" width="100%" height="16" rx="3"/>'
        '<rect class="stretch" width="{width}%" height="16" rx="3"/></svg>',
        color=color,
        width=_short(100 * share),
    )


def legend(names: tuple[str, ...], language: Language) -> Html:
    """Write the names next to the rows."""
    items = (
        fill(
            '<span class="{color}"><i></i>{name}</span>',
            color=color_class(name, names),
            name=language.word(name),
        )
        for name in names
    )
    return fill('<div class="names" aria-hidden="true">{items}</div>', items=join(items, ""))


def describe_peaks(
    segments: Sequence[Sequence[Bin]], names: tuple[str, ...], language: Language
) -> str:
    """Describe a chart in words: each expression's highest smoothed probability, and when."""
    words = []
    for index, name in enumerate(names):
        means = [(one.mean(index) or 0.0, one.mean_time_s) for part in segments for one in part]
        top, time_s = max(means, default=(0.0, 0.0))
        words.append(
            language.say(
                "report.peak_words",
                name=language.word(name),
                share=language.percent(top),
                time=say_time(time_s),
            )
        )
    return "; ".join(words)


def _points(segment: Sequence[Bin], index: int, span: Span) -> list[tuple[float, float]]:
    """Return a segment's points; a single one is widened until it is visible."""
    points = [
        (_WIDE * span.share(one.mean_time_s), mean)
        for one in segment
        if (mean := one.mean(index)) is not None
    ]
    if points and points[-1][0] - points[0][0] < 2:
        (x, y), last = points[0], points[-1][1]
        points = [(max(0.0, x - 1.5), y), (min(float(_WIDE), x + 1.5), last)]
    return points


def _draw_line(segments: Sequence[Sequence[Bin]], index: int, span: Span) -> str:
    lines = []
    for segment in segments:
        points = _points(segment, index, span)
        if points:
            lines.append("M" + "L".join(_point(x, y, index) for x, y in points))
    return "".join(lines)


def _draw_area(segments: Sequence[Sequence[Bin]], index: int, span: Span) -> str:
    areas = []
    foot = ROW * (index + 1) - 1
    for segment in segments:
        points = _points(segment, index, span)
        if points:
            top = "L".join(_point(x, y, index) for x, y in points)
            areas.append(f"M{_short(points[0][0])} {foot}L{top}V{foot}Z")
    return "".join(areas)


def _draw_range(segments: Sequence[Sequence[Bin]], index: int, span: Span) -> str:
    """Draw the range of the raw probabilities: how far single frames differ from the line."""
    ranges = []
    for segment in segments:
        read = [one for one in segment if one.seen]
        if len(read) < 2:
            continue

        times = [_WIDE * span.share(one.mean_time_s) for one in read]
        near = [read[max(0, at - _NEAR) : at + _NEAR + 1] for at in range(len(read))]
        high = [max(one.high[index] for one in bins) for bins in near]
        low = [min(one.low[index] for one in bins) for bins in near]
        there = "L".join(_point(x, y, index) for x, y in zip(times, high, strict=True))
        back = "L".join(
            _point(x, y, index) for x, y in zip(reversed(times), reversed(low), strict=True)
        )

        ranges.append(f"M{there}L{back}Z")
    return "".join(ranges)


def _shade_holes(segments: Sequence[Sequence[Bin]], span: Span, height: int) -> list[Html]:
    """Shade where the face is not in view: before, between and after its segments."""
    edges = [(part[0].mean_time_s, part[-1].mean_time_s) for part in segments]
    starts = [span.start_s, *(end for _, end in edges)]
    ends = [*(start for start, _ in edges), span.end_s]
    least = (span.end_s - span.start_s) / 200  # narrower gaps are just the time between two frames
    return [
        _box("hole", span.share(start), span.share(end), height)
        for start, end in zip(starts, ends, strict=True)
        if end - start > least
    ]


def _hatch_open(segments: Sequence[Sequence[Bin]], span: Span, height: int) -> list[Html]:
    """Hatch the periods in which mostly no expression is named."""
    boxes = []
    for segment in segments:
        start: float | None = None
        for one, (left, right) in zip(segment, _edges(segment, span), strict=True):
            is_open = one.open * 2 > one.frames
            if is_open and start is None:
                start = left
            if not is_open and start is not None:
                boxes.append(_box("open", start / _WIDE, left / _WIDE, height))
                start = None
            if is_open and one is segment[-1] and start is not None:
                boxes.append(_box("open", start / _WIDE, right / _WIDE, height))
    return boxes


def _edges(bins: Sequence[Bin], span: Span) -> list[tuple[float, float]]:
    """Return the start and end of each bin on the axis, half-way to its neighbours."""
    middles = [_WIDE * span.share(one.mean_time_s) for one in bins]
    steps = sorted(b - a for a, b in itertools.pairwise(middles))
    half = max(0.5, steps[len(steps) // 2] / 2) if steps else 2.0
    edges = []
    for index, middle in enumerate(middles):
        left = middles[index - 1] if index else middle - 2 * half
        right = middles[index + 1] if index + 1 < len(middles) else middle + 2 * half
        reach = (min(half, (middle - left) / 2), min(half, (right - middle) / 2))
        edges.append((_clip(middle - reach[0]), _clip(middle + reach[1])))
    return edges


def _clip(x: float) -> float:
    return round(min(max(x, 0.0), float(_WIDE)), 1)


def _box(kind: str, start: float, end: float, height: int) -> Html:
    left, right = _short(_WIDE * start), _short(_WIDE * end)
    return fill(
        '<path class="{kind}" d="M{left} 0H{right}V{height}H{left}Z"/>',
        kind=kind,
        left=left,
        right=right,
        height=height,
    )


def _point(x: float, value: float, index: int) -> str:
    return f"{_short(x)} {_short(ROW * (index + 1) - 1 - _BAR * value)}"


def _short(number: float) -> str:
    """Format a number with at most one decimal, to keep pages small."""
    return f"{number:.1f}".removesuffix(".0")


def _room(share: float, name: str) -> str:
    """Return on which screens a name fits into its section: all, wide ones, or none."""
    letters = len(name) + 1.5
    if share * 230 > letters * 7:
        return "fits"
    return "fits-wide" if share * 640 > letters * 7 else "tight"
