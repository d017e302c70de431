"""Write a study's report: data quality, comparison of conditions, methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mien.report.page import (
    Html,
    color_class,
    fill,
    join,
    render_page,
    write_cards,
    write_note,
)
from mien.study.agreement import Agreement, CoderAgreement
from mien.study.baseline import Baseline
from mien.study.charts import draw_forest, draw_strip
from mien.study.correction import Choice
from mien.study.exclusion import count_excluded
from mien.study.methods import Method, write_methods
from mien.study.plan import Plan
from mien.study.quality import REASONS
from mien.study.reading import Readings, Row
from mien.study.sections import (
    ALPHA,
    LEVEL,
    say_p,
    say_range,
    say_share,
    write_section,
    write_table,
)
from mien.study.statistics import MIN_PARTICIPANTS, Comparison
from mien.study.summary import Cell, Summary
from mien.words import Language, open_language

MAX_DRAWN: Final = 60
"""Maximum number of participants with a timeline."""


@dataclass(frozen=True, slots=True)
class Study:
    """The content of a report."""

    plan: Plan
    readings: Readings
    rows: Sequence[Row]
    summaries: Sequence[Summary]
    comparisons: Sequence[Comparison]
    method: Method
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
    tests = sum(one.p is not None for one in study.comparisons)
    videos = study.readings.videos
    sections = [
        _write_head(study, language),
        _write_quality(study, language),
        _write_comparisons(study, language),
        _write_timelines(study, language),
        _write_agreement(study, language),
        write_methods(study.readings.spec, study.method, videos, tests, language),
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
    by_cell: dict[Cell, list[Row]] = {}
    for row in study.rows:
        cell = row.recording.participant, row.recording.condition
        by_cell.setdefault(cell, []).append(row)

    rows = []
    for one in study.summaries:
        own = by_cell.get((one.participant, one.condition), ())
        faces = [row for row in own if row.probabilities is not None]
        sizes = sorted(((row.face or {}).get("quality") or {}).get("size_px") or 0 for row in faces)
        doubtful = sum(row.reason in REASONS for row in faces)
        rows.append(
            (
                one.participant,
                one.condition,
                language.number(one.measures["frames"] or 0),
                say_share(one.measures["coverage"], language),
                say_share(one.measures["uncertain"], language),
                say_share(doubtful / len(faces) if faces else None, language),
                say_share(one.measures["left_out"], language),
                f"{sizes[len(sizes) // 2]:.0f} px" if sizes else "–",
                _say_excluded(one, study.method.min_coverage, language),
            )
        )

    say = language.say
    keys = ("participant", "condition", "frames", "coverage", "uncertain", "doubt", "left_out")
    head = [say(f"study.col_{key}") for key in (*keys, "face", "excluded")]
    table = write_table(head, rows)
    return write_section(
        "quality", say("study.quality_title"), _note_quality(study, language), table
    )


def _note_quality(study: Study, language: Language) -> list[str]:
    """List the rules, what they left out, and what is missing."""
    say = language.say
    notes = [say("study.rule", share=language.percent(study.method.min_coverage))]
    counted = count_excluded(study.rows, study.method.rules)
    if counted:
        stated = "; ".join(f"{rule} ({language.number(n)})" for rule, n in counted.items())
        notes.append(say("study.rules", list=stated))
    notes.append(say("study.doubt"))

    missing = [f"{person} × {condition}" for person, condition in study.plan.missing()]
    if missing:
        notes.append(say("study.not_recorded", list=", ".join(missing)))
    notes += [say("study.unreadable", reason=why) for why in study.readings.failed.values()]
    if study.refused:
        told = (f"{who} ({say(f'study.{why}')})" for who, why in study.refused.items())
        notes.append(say("study.no_baseline", list=", ".join(told)))
    return notes


def _say_excluded(cell: Summary, min_coverage: float, language: Language) -> str:
    """Return why a participant does not count under a condition; "" where they do."""
    if cell.excluded is None:
        return ""
    if not cell.measures["coverage"]:
        return language.say("study.no_face")
    return language.say("study.low_coverage", share=language.percent(min_coverage))


def _write_comparisons(study: Study, language: Language) -> Html:
    say, title = language.say, language.say("study.compared_title")
    if len(study.plan.conditions) < 2:
        return write_section("compared", title, [say("study.one_condition")], Html(""))

    level = language.percent(LEVEL)
    notes = [
        say(f"study.unit{_baseline(study.method.choice)}"),
        say("study.forest", level=level, p=language.number(ALPHA, 2)),
    ]
    if study.method.test == "mixed":
        notes.append(say("study.mixed"))
    if all(one.participants < MIN_PARTICIPANTS for one in study.comparisons):
        notes.append(say("study.too_few", count=MIN_PARTICIPANTS))

    rows = [
        (
            language.word(one.measure.removeprefix("mean_").removesuffix("_baseline")),
            f"{one.first} → {one.second}",
            language.number(one.participants),
            language.number(one.difference, 3, sign=True),
            say_range(one.low, one.high, language, 3, sign=True),
            "–" if one.effect_size is None else language.number(one.effect_size, 2, sign=True),
            "–" if one.p_holm is None else say_p(one.p_holm, language),
        )
        for one in study.comparisons
    ]

    words = {key: say(f"study.col_{key}") for key in ("expression", "conditions", "difference")}
    interval = say("study.col_interval", share=level)
    head = (words["expression"], words["conditions"], "n", words["difference"], interval)
    forest = draw_forest(study.comparisons, study.readings.spec.class_names, language)
    body = join([forest, write_table((*head, "d", "p (Holm)"), rows)])
    return write_section("compared", title, notes, body)


def _draw_participant(study: Study, participant: str, language: Language) -> Html:
    """Draw a participant's strips, one per condition."""
    names = study.readings.spec.class_names
    own = [row for row in study.rows if row.recording.participant == participant]
    strips = []
    for condition in study.plan.conditions:
        shown = [row for row in own if row.recording.condition == condition]
        if shown:
            strip = draw_strip(shown, names, language)
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

    notes = [language.say(f"study.timelines{_baseline(study.method.choice)}")]
    if len(study.plan.participants) > MAX_DRAWN:
        notes.append(language.say("study.timelines_cut", count=MAX_DRAWN))

    body = fill(
        '<ul class="key">{legend}</ul><div class="multiples">{figures}</div>',
        legend=legend,
        figures=join(figures),
    )
    return write_section("timelines", language.say("study.timelines_title"), notes, body)


def _write_agreement(study: Study, language: Language) -> Html:
    found, say = study.agreement, language.say
    if found is None:
        return Html("")
    level = language.percent(LEVEL)
    share = say_share(found.agreement, language)
    notes = [say("study.coded", pictures=found.pictures, recordings=found.recordings, share=share)]

    if found.kappa is not None:
        value, low, high = (
            language.number(one, 2)
            for one in (found.kappa.value, found.kappa.low, found.kappa.high)
        )
        notes.append(say("study.kappa", value=value, level=level, low=low, high=high))
    if found.coders is not None:
        notes.append(_describe_coders(found.coders, found.tied, language))

    table = Html("")
    if found.icc:
        notes.append(say("study.icc"))
        rows = [
            (
                language.word(name),
                language.number(one.value, 2),
                say_range(one.low, one.high, language, 2),
            )
            for name, one in found.icc.items()
        ]
        head = (say("study.col_expression"), "ICC", say("study.col_interval", share=level))
        table = write_table(head, rows)
    return write_section("coders", say("study.coders_title"), notes, table)


def _describe_coders(found: CoderAgreement, tied: int, language: Language) -> str:
    """Return how far several coders agree with each other."""
    say = language.say
    told = [
        say(
            "study.coders",
            names=", ".join(found.coders),
            pictures=found.pictures,
            recordings=found.recordings,
            value="–" if found.kappa is None else language.number(found.kappa, 2),
        )
    ]

    if found.low is not None and found.high is not None:
        low, high = language.number(found.low, 2), language.number(found.high, 2)
        level = language.percent(LEVEL)
        told.append(say("study.coders_interval", level=level, low=low, high=high))
    return " ".join([*told, say("study.coders_tied", tied=tied)])


def _baseline(choice: Choice) -> str:
    """Return the end of a text's key: whether a baseline was subtracted."""
    return "" if choice.kind == "none" else "_baseline"
