"""Write a study's report: data quality, comparison of conditions, methods."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from mien.report.page import (
    Html,
    color_class,
    fill,
    join,
    render_page,
    write_cards,
    write_note,
)
from mien.study.agreement import Agreement
from mien.study.baseline import Baseline
from mien.study.correction import Choice
from mien.study.plan import Plan
from mien.study.reading import Readings, Row
from mien.study.statistics import MIN_PARTICIPANTS, RESAMPLES, Comparison
from mien.study.summary import Summary
from mien.words import Language, open_language

MAX_DRAWN: Final = 60
"""Maximum number of participants with a timeline."""
_STEPS: Final = 120  # bins of a timeline
_LEVEL: Final = 0.95  # of the intervals


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


def render_study(study: Study, lang: str = "en") -> str:
    """Return the report as one HTML page.

    Args:
        study: All that it tells of.
        lang: Language of the page, one of `mien.words.LANGUAGES`.

    Raises:
        ConfigError: The language is not supported.
    """
    language = open_language(lang)
    sections = [
        _write_head(study, language),
        _write_quality(study, language),
        _write_comparisons(study, language),
        _write_timelines(study, language),
        _write_agreement(study, language),
        _write_methods(study, language),
        write_note(study.readings.spec, "report.note_no_pictures", language),
    ]
    return render_page(language.say("study.tab"), join(sections), language)


def _write_head(study: Study, language: Language) -> Html:
    plan = study.plan
    excluded = sum(one.excluded is not None for one in study.summaries)
    cards = (
        ("participants", len(plan.participants)),
        ("conditions", len(plan.conditions)),
        ("recordings", len(plan.recordings)),
        ("excluded", excluded),
    )

    return fill(
        '<header><p class="kicker">{kicker}</p><h1>{title}</h1></header>'
        '<ul class="cards">{cards}</ul>',
        kicker=language.say("report.kicker_study"),
        title=language.say("study.title"),
        cards=write_cards(
            (language.number(n), language.say(f"study.card_{what}")) for what, n in cards
        ),
    )


def _write_quality(study: Study, language: Language) -> Html:
    rows = []
    for one in study.summaries:
        sizes = sorted(_list_sizes(study, one.participant, one.condition))
        size = f"{sizes[len(sizes) // 2]:.0f} px" if sizes else "–"

        rows.append(
            (
                one.participant,
                one.condition,
                language.number(one.measures["frames"] or 0),
                _percent(one.measures["coverage"], language),
                _percent(one.measures["uncertain"], language),
                size,
                _say_excluded(one, study.min_coverage, language),
            )
        )

    missing = [f"{person} × {condition}" for person, condition in study.plan.missing()]
    say = language.say
    notes = [say("study.rule", share=language.percent(study.min_coverage))]

    if missing:
        notes.append(say("study.not_recorded", list=", ".join(missing)))
    notes += [say("study.unreadable", reason=why) for why in study.readings.failed.values()]
    if study.refused:
        told = (f"{who} ({say(f'study.{why}')})" for who, why in study.refused.items())
        notes.append(say("study.no_baseline", list=", ".join(told)))

    keys = ("participant", "condition", "frames", "coverage", "uncertain", "face", "excluded")
    head = [say(f"study.col_{key}") for key in keys]
    return _section("quality", say("study.quality_title"), notes, _table(head, rows))


def _say_excluded(cell: Summary, min_coverage: float, language: Language) -> str:
    """Return why a participant does not count under a condition; "" where they do."""
    if cell.excluded is None:
        return ""
    if not cell.measures["coverage"]:
        return language.say("study.no_face")
    return language.say("study.low_coverage", share=language.percent(min_coverage))


def _list_sizes(study: Study, participant: str, condition: str) -> Iterator[float]:
    """Yield the face sizes, in pixels, of a participant under a condition."""
    for row in study.rows:
        one = row.recording
        if row.face is not None and (one.participant, one.condition) == (participant, condition):
            yield (row.face.get("quality") or {}).get("size_px") or 0


def _write_comparisons(study: Study, language: Language) -> Html:
    say, title = language.say, language.say("study.compared_title")
    if len(study.plan.conditions) < 2:
        return _section("compared", title, [say("study.one_condition")], Html(""))

    notes = [say(f"study.unit{_baseline(study.choice)}")]
    if all(one.participants < MIN_PARTICIPANTS for one in study.comparisons):
        notes.append(say("study.too_few", count=MIN_PARTICIPANTS))

    rows = [
        (
            language.word(one.measure.removeprefix("mean_").removesuffix("_baseline")),
            f"{one.first} → {one.second}",
            language.number(one.participants),
            language.number(one.difference, 3, sign=True),
            _range(one.low, one.high, language, 3, sign=True),
            "–" if one.effect_size is None else language.number(one.effect_size, 2, sign=True),
            "–" if one.p_holm is None else _say_p(one.p_holm, language),
        )
        for one in study.comparisons
    ]

    words = {key: say(f"study.col_{key}") for key in ("expression", "conditions", "difference")}
    interval = say("study.col_interval", share=language.percent(_LEVEL))
    head = (words["expression"], words["conditions"], "n", words["difference"], interval)
    return _section("compared", title, notes, _table((*head, "d", "p (Holm)"), rows))


def _draw_participant(study: Study, participant: str, language: Language) -> Html:
    """Draw a participant's strips, one per condition."""
    names = study.readings.spec.class_names
    own = [row for row in study.rows if row.recording.participant == participant]
    strips = []
    for condition in study.plan.conditions:
        shown = [row for row in own if row.recording.condition == condition]
        if shown:
            strip = _draw_strip(shown, names, language)
            cells = "<dt>{condition}</dt><dd>{strip}</dd>"
            strips.append(fill(cells, condition=condition, strip=strip))

    return fill(
        '<article class="card"><h3>{who}</h3><dl>{strips}</dl></article>',
        who=participant,
        strips=join(strips),
    )


def _write_timelines(study: Study, language: Language) -> Html:
    names, drawn = study.readings.spec.class_names, study.plan.participants[:MAX_DRAWN]
    figures = [_draw_participant(study, one, language) for one in drawn]
    legend = join(
        fill(
            '<li class="{color}"><i></i>{name}</li>',
            color=color_class(name, names),
            name=language.word(name),
        )
        for name in names
    )

    notes = [language.say(f"study.timelines{_baseline(study.choice)}")]
    if len(study.plan.participants) > MAX_DRAWN:
        notes.append(language.say("study.timelines_cut", count=MAX_DRAWN))

    body = fill(
        '<ul class="key">{legend}</ul><div class="multiples">{figures}</div>',
        legend=legend,
        figures=join(figures),
    )
    return _section("timelines", language.say("study.timelines_title"), notes, body)


def _draw_strip(rows: Sequence[Row], names: tuple[str, ...], language: Language) -> Html:
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


def _write_agreement(study: Study, language: Language) -> Html:
    found, say = study.agreement, language.say
    if found is None:
        return Html("")
    level = language.percent(_LEVEL)
    share = language.percent(found.agreement)
    notes = [say("study.coded", pictures=found.pictures, recordings=found.recordings, share=share)]

    if found.kappa is not None:
        value, low, high = (
            language.number(one, 2)
            for one in (found.kappa.value, found.kappa.low, found.kappa.high)
        )
        notes.append(say("study.kappa", value=value, level=level, low=low, high=high))

    table = Html("")
    if found.icc:
        notes.append(say("study.icc"))
        rows = [
            (
                language.word(name),
                language.number(one.value, 2),
                _range(one.low, one.high, language, 2),
            )
            for name, one in found.icc.items()
        ]
        head = (say("study.col_expression"), "ICC", say("study.col_interval", share=level))
        table = _table(head, rows)
    return _section("coders", say("study.coders_title"), notes, table)


def _write_methods(study: Study, language: Language) -> Html:
    spec, say = study.readings.spec, language.say
    every = study.settings.get("every_s")
    sentences = [
        say(
            "study.methods_read",
            version=version("mien"),
            model=spec.name,
            hash=spec.onnx_sha256[:12],
            labels=say(f"report.labels_{spec.labels}"),
        )
    ]
    if study.readings.videos and every is None:
        sentences.append(say("study.methods_every_frame"))
    elif study.readings.videos:
        sentences.append(say("study.methods_every", seconds=f"{every:g}"))

    level = language.percent(_LEVEL)
    sentences += [
        say(f"study.methods_{_name_baseline(study.choice)}"),
        say("study.methods_excluded", share=language.percent(study.min_coverage)),
        say("study.methods_compared", level=level, resamples=RESAMPLES),
        say("study.methods_meaning"),
    ]

    body = fill(
        '<blockquote class="methods"><p>{text}</p></blockquote><p class="soft">{cite}</p>',
        text=" ".join(sentences),
        cite=say("study.methods_cite"),
    )
    return _section("methods", say("study.methods_title"), [], body)


def _name_baseline(choice: Choice) -> str:
    """Return the name of the methods sentence about the subtracted baseline."""
    if choice.kind in {"none", "rest"}:
        return choice.kind
    return "even" if choice.expected == "even" else "group"


def _baseline(choice: Choice) -> str:
    """Return the end of a text's key: whether a baseline was subtracted."""
    return "" if choice.kind == "none" else "_baseline"


def _range(
    low: float | None, high: float | None, language: Language, decimals: int, *, sign: bool = False
) -> str:
    """Format an interval; a dash where there is none."""
    if low is None or high is None:
        return "–"
    ends = [language.number(end, decimals, sign=sign) for end in (low, high)]
    return language.say("study.range", low=ends[0], high=ends[1])


def _say_p(p: float, language: Language) -> str:
    return f"< {language.number(0.001, 3)}" if p < 0.001 else language.number(p, 3)


def _percent(share: float | None, language: Language) -> str:
    return "–" if share is None else language.percent(share)


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
        what=" × ".join(head[:2]),
        head=join((fill('<th scope="col">{name}</th>', name=name) for name in head), ""),
        rows=join(fill("<tr>{cells}</tr>", cells=one) for one in cells),
    )
