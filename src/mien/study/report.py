"""Write a study's report: data quality, comparison of conditions, methods."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from mien.report.page import (
    Html,
    color_class,
    describe_accuracy,
    fill,
    join,
    percent,
    render_page,
    write_note,
)
from mien.study.agreement import Agreement
from mien.study.baseline import Baseline
from mien.study.correction import Choice
from mien.study.plan import Plan
from mien.study.reading import Readings, Row
from mien.study.statistics import MIN_PARTICIPANTS, RESAMPLES, Comparison
from mien.study.summary import Summary

MAX_DRAWN: Final = 60
"""Maximum number of participants with a timeline."""
_STEPS: Final = 120  # bins of a timeline
_REFUSED: Final = {
    "few_pictures": "too few pictures",
    "one_expression": "one expression only",
    "few_people": "too few people",
}


@dataclass(frozen=True, slots=True)
class Study:
    """The content of a report."""

    plan: Plan
    readings: Readings
    rows: Sequence[Row]
    summaries: Sequence[Summary]
    comparisons: Sequence[Comparison]
    choice: Choice
    min_coverage: float
    settings: Mapping[str, Any]
    baseline: Baseline | None = None
    agreement: Agreement | None = None

    @property
    def refused(self) -> dict[str, str]:
        """Participants whose baseline was not subtracted, and why."""
        offsets = {} if self.baseline is None else self.baseline.offsets
        return {who: offset.refused for who, offset in offsets.items() if offset.refused}


def render_study(study: Study) -> str:
    """Return the report as one HTML page."""
    sections = [
        _write_head(study),
        _write_quality(study),
        _write_comparisons(study),
        _write_timelines(study),
        _write_agreement(study),
        _write_methods(study),
        write_note(
            pictures="This page contains no pictures.",
            numbers=describe_accuracy(study.readings.spec),
        ),
    ]
    return render_page("Study: apparent expressions by condition", join(sections))


def _write_head(study: Study) -> Html:
    plan = study.plan
    excluded = sum(one.excluded is not None for one in study.summaries)
    cards = (
        ("participants", len(plan.participants)),
        ("conditions", len(plan.conditions)),
        ("recordings", len(plan.recordings)),
        ("excluded cells", excluded),
    )

    return fill(
        '<header><p class="kicker">mien report of a study</p><h1>Apparent expressions by '
        'condition</h1></header><ul class="cards">{cards}</ul>',
        cards=join(
            fill('<li class="card"><b>{count}</b><span>{what}</span></li>', count=n, what=what)
            for what, n in cards
        ),
    )


def _write_quality(study: Study) -> Html:
    rows = []
    for one in study.summaries:
        sizes = sorted(_list_sizes(study, one.participant, one.condition))
        size = f"{sizes[len(sizes) // 2]:.0f} px" if sizes else "–"

        rows.append(
            (
                one.participant,
                one.condition,
                f"{one.measures['frames'] or 0:.0f}",
                _percent(one.measures["coverage"]),
                _percent(one.measures["uncertain"]),
                size,
                one.excluded or "",
            )
        )

    missing = [f"{person} × {condition}" for person, condition in study.plan.missing()]
    notes = [
        (
            "Exclusion rule, set in advance: a participant counts under a condition where their "
            f"face was read in at least {percent(study.min_coverage)} of the photos or frames."
        )
    ]

    if missing:
        notes.append(f"Not recorded: {', '.join(missing)}.")
    notes += [f"Could not be read: {reason}." for reason in study.readings.failed.values()]
    if study.refused:
        told = ", ".join(f"{who} ({_REFUSED[why]})" for who, why in study.refused.items())
        notes.append(f"No baseline was subtracted: {told}.")

    head = ("participant", "condition", "frames", "coverage", "uncertain", "face", "excluded")
    return _section("quality", "Data quality", notes, _table(head, rows))


def _list_sizes(study: Study, participant: str, condition: str) -> Iterator[float]:
    """Yield the face sizes, in pixels, of a participant under a condition."""
    for row in study.rows:
        one = row.recording
        if row.face is not None and (one.participant, one.condition) == (participant, condition):
            yield (row.face.get("quality") or {}).get("size_px") or 0


def _write_comparisons(study: Study) -> Html:
    if len(study.plan.conditions) < 2:
        notes = ["There is only one condition, so there is nothing to compare."]
        return _section("compared", "Conditions compared", notes, Html(""))

    notes = [
        (
            "The unit is the participant. Differences are the second condition minus the first, of "
            f"the mean probability of each expression{_say_baseline(study.choice)}."
        )
    ]

    if all(one.participants < MIN_PARTICIPANTS for one in study.comparisons):
        notes.append(
            f"Fewer than {MIN_PARTICIPANTS} participants have both conditions, so there are no "
            "intervals and no tests."
        )

    rows = [
        (
            one.measure.removeprefix("mean_").removesuffix("_baseline"),
            f"{one.first} → {one.second}",
            str(one.participants),
            f"{one.difference:+.3f}",
            "–" if one.low is None else f"{one.low:+.3f} to {one.high:+.3f}",
            "–" if one.effect_size is None else f"{one.effect_size:+.2f}",
            "–" if one.p_holm is None else _say_p(one.p_holm),
        )
        for one in study.comparisons
    ]

    head = ("expression", "conditions", "n", "difference", "95 % interval", "d", "p (Holm)")
    return _section("compared", "Conditions compared", notes, _table(head, rows))


def _draw_participant(study: Study, participant: str) -> Html:
    """Draw a participant's strips, one per condition."""
    names = study.readings.spec.class_names
    own = [row for row in study.rows if row.recording.participant == participant]
    strips = []
    for condition in study.plan.conditions:
        shown = [row for row in own if row.recording.condition == condition]
        if shown:
            strip = _draw_strip(shown, names)
            cells = "<dt>{condition}</dt><dd>{strip}</dd>"
            strips.append(fill(cells, condition=condition, strip=strip))

    return fill(
        '<article class="card"><h3>{who}</h3><dl>{strips}</dl></article>',
        who=participant,
        strips=join(strips),
    )


def _write_timelines(study: Study) -> Html:
    names = study.readings.spec.class_names
    figures = [_draw_participant(study, one) for one in study.plan.participants[:MAX_DRAWN]]
    legend = join(
        fill('<li class="{color}"><i></i>{name}</li>', color=color_class(n, names), name=n)
        for n in names
    )

    notes = [
        (
            "Each participant's most probable expression over the recordings of a condition, in "
            f"order{_say_baseline(study.choice)}. In gaps, no face was read."
        )
    ]
    if len(study.plan.participants) > MAX_DRAWN:
        notes.append(f"The first {MAX_DRAWN} participants are drawn; the tables cover all.")

    body = fill(
        '<ul class="key">{legend}</ul><div class="multiples">{figures}</div>',
        legend=legend,
        figures=join(figures),
    )
    return _section("timelines", "Participants over time", notes, body)


def _draw_strip(rows: Sequence[Row], names: tuple[str, ...]) -> Html:
    """Draw readings from first to last as a band of colours."""
    size = max(1, -(-len(rows) // _STEPS))
    bands: list[tuple[str | None, int]] = []
    for start in range(0, len(rows), size):
        some = [row.emotion_baseline for row in rows[start : start + size]]
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
    shares = {name: sum(row.emotion_baseline == name for row in rows) for name in names}
    most = ", ".join(
        f"{name} {percent(n / len(rows))}"
        for name, n in sorted(shares.items(), key=lambda item: -item[1])[:3]
        if n
    )
    return fill(
        '<svg role="img" aria-label="{words}" viewBox="0 0 {wide} 10" preserveAspectRatio="none" '
        'width="100%" height="14">{rects}</svg>',
        words=most or "no face was read",
        wide=x,
        rects=join(rects, ""),
    )


def _write_agreement(study: Study) -> Html:
    found = study.agreement
    if found is None:
        return Html("")
    words = (
        f"{found.pictures:,} photos or frames of {found.recordings:,} recordings have both a human "
        f"code and a reading; {percent(found.agreement)} agree"
    )
    if found.kappa is not None:
        words += (
            f"; Cohen's kappa {found.kappa.value:.2f} (95 % interval {found.kappa.low:.2f} to "
            f"{found.kappa.high:.2f}, assuming independent frames)"
        )
    notes, table = [f"{words}."], Html("")
    if found.icc:
        notes.append(
            "Below: the share of each expression in a recording, according to coders and model; "
            "ICC(A,1), two-way random effects, absolute agreement."
        )
        rows = [
            (name, f"{one.value:.2f}", f"{one.low:.2f} to {one.high:.2f}")
            for name, one in found.icc.items()
        ]
        table = _table(("expression", "ICC", "95 % interval"), rows)
    return _section("coders", "Agreement with coders", notes, table)


def _write_methods(study: Study) -> Html:
    spec, choice = study.readings.spec, study.choice
    labels = getattr(spec, "labels", "fer2013")
    known = {"votes": "people's votes", "fer2013": "FER2013's own label"}
    whose = known.get(labels, "its own label")

    every = study.settings.get("every_s")
    how_often = "in every frame" if every is None else f"every {every:g} s"
    videos = f" Videos were analysed {how_often}." if study.readings.videos else ""

    text = (
        f"Apparent facial expressions were read with mien {version('mien')} (model {spec.name}, "
        f"SHA-256 {spec.onnx_sha256[:12]}, trained to predict {whose}), the largest face of each "
        f"photo or frame.{videos} {_describe_baseline(choice)} Participants were excluded from a "
        f"condition where their face was read in under {percent(study.min_coverage)} of it. "
        "Conditions were compared with the participant as the unit: mean paired differences with "
        f"bootstrapped 95 % intervals ({RESAMPLES:,} resamples of participants, expanded "
        "percentiles; Hesterberg 2015), Cohen's d of paired differences, and permutation tests "
        "that flip the signs of differences, corrected by Holm's method. The readings are of "
        "expressions as people would label them, not of what anyone felt."
    )

    body = fill(
        '<blockquote class="methods"><p>{text}</p></blockquote><p class="soft">Cite mien as '
        "described in its "
        "CITATION.cff; the baselines follow Olderbak et al. 2014 "
        "(doi 10.3758/s13428-013-0421-3).</p>",
        text=text,
    )
    return _section("methods", "Methods, for a paper", [], body)


def _describe_baseline(choice: Choice) -> str:
    """Return the methods sentence about the subtracted baseline."""
    shrunk = "shrunk by n / (n + 1), where n is the number of pictures"
    if choice.kind == "none":
        return "No baseline was subtracted."
    if choice.kind == "rest":
        return f"Each participant's mean log-probabilities at rest were subtracted, {shrunk}."
    if choice.expected == "even":
        return (
            "Each participant's own mean log-probabilities (over the expressions shown) were "
            f"subtracted, {shrunk}, and the readings were then adjusted to even shares of the "
            "expressions shown unless they contradicted this."
        )
    return (
        "Each participant's own mean log-probabilities were subtracted where they differ from "
        f"those of all participants, {shrunk}."
    )


def _say_baseline(choice: Choice) -> str:
    return "" if choice.kind == "none" else " with the participant's baseline subtracted"


def _say_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else percent(share)


def _section(anchor: str, title: str, notes: Sequence[str], body: Html) -> Html:
    return fill(
        '<section aria-labelledby="{id}"><h2 id="{id}">{title}</h2>{notes}{body}</section>',
        id=anchor,
        title=title,
        notes=join(fill("<p>{note}</p>", note=note) for note in notes),
        body=body,
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
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
        what=" by ".join(head[:2]),
        head=join((fill('<th scope="col">{name}</th>', name=name) for name in head), ""),
        rows=join(fill("<tr>{cells}</tr>", cells=one) for one in cells),
    )
