"""Write a study's methods paragraph, ready for a paper, and what to cite."""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from mien.model.spec import ModelSpec
from mien.report.page import Html, fill, join
from mien.study.correction import Choice
from mien.study.exclusion import Rule
from mien.study.sections import LEVEL, write_section
from mien.study.statistics import RESAMPLES, SEED, Test
from mien.words import Language

_FER2013 = (
    "Goodfellow, I. J., et al. (2013). Challenges in representation learning: A report on three "
    "machine learning contests. arXiv 1307.0414."
)
_FER_PLUS = (
    "Barsoum, E., et al. (2016). Training deep networks for facial expression recognition with "
    "crowd-sourced label distribution. arXiv 1608.01041."
)
_EFRON = (
    "Efron, B., & Morris, C. (1973). Stein's estimation rule and its competitors: An empirical "
    "Bayes approach. doi 10.2307/2284155."
)
_OLDERBAK = (
    "Olderbak, S., et al. (2014). Psychometric challenges and proposed solutions when scoring "
    "facial emotion expression codes. doi 10.3758/s13428-013-0421-3."
)
_HESTERBERG = (
    "Hesterberg, T. C. (2015). What teachers should know about the bootstrap. "
    "doi 10.1080/00031305.2015.1089789."
)
_HOLM = (
    "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian "
    "Journal of Statistics, 6, 65-70."
)
_SCIPY = (
    "Virtanen, P., et al. (2020). SciPy 1.0: Fundamental algorithms for scientific computing in "
    "Python. doi 10.1038/s41592-019-0686-2."
)
_STATSMODELS = (
    "Seabold, S., & Perktold, J. (2010). statsmodels: Econometric and statistical modeling with "
    "Python. Proceedings of the 9th Python in Science Conference."
)


@dataclass(frozen=True, slots=True)
class Method:
    """How a study is analysed, as it was stated before.

    Attributes:
        choice: The baseline.
        min_coverage: Share of its photos or frames from which a cell counts.
        rules: What leaves photos and frames out.
        test: How conditions are compared.
        every_s: Interval between analysed frames of videos, in seconds; None is every frame.
        fps: When the frames of folders were taken; None if there are none.
        detector_size: The picture's longer side at detection, in pixels.
    """

    choice: Choice
    min_coverage: float
    rules: tuple[Rule, ...]
    test: Test
    every_s: float | None
    fps: str | None
    detector_size: int

    def name_settings(self) -> dict[str, object]:
        """Return the settings by the names of their options; without those that do not apply."""
        named = {
            "detector_size": self.detector_size,
            "every_s": self.every_s,
            "fps": self.fps,
            "baseline": self.choice.kind,
            "expected": self.choice.expected if self.choice.kind == "participant" else None,
            "rest": self.choice.condition,
            "min_coverage": self.min_coverage,
            "test": self.test,
        }
        return {name: value for name, value in named.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types."""
        return {
            "every_s": self.every_s,
            "fps": self.fps,
            "detector_size": self.detector_size,
            "baseline": asdict(self.choice),
            "min_coverage": self.min_coverage,
            "exclude": [rule.text for rule in self.rules],
            "test": self.test,
        }


def write_methods(
    spec: ModelSpec, method: Method, videos: int, tests: int, language: Language
) -> Html:
    """Write the section.

    Args:
        spec: The contract of the model.
        method: How the study was analysed.
        videos: How many videos there are.
        tests: How many differences were tested; 0 where there was nothing to compare.
        language: Language of the page.
    """
    say = language.say
    sentences = [*_tell_reading(spec, method, videos, language)]
    sentences.append(say("study.methods_excluded", share=language.percent(method.min_coverage)))
    sentences += _tell_tests(method, tests, language) if tests else []
    sentences.append(say("study.methods_meaning"))

    body = fill(
        '<blockquote class="methods"><p>{text}</p></blockquote><p class="soft">{cite}</p>'
        '<ul class="soft" lang="en">{cited}</ul><p class="soft" lang="en">{settings}</p>',
        text=" ".join(sentences),
        cite=say("study.methods_cite"),
        cited=join(fill("<li>{one}</li>", one=one) for one in _list_cited(spec, method, tests)),
        settings=", ".join(f"{name}={value}" for name, value in method.name_settings().items()),
    )
    return write_section("methods", say("study.methods_title"), [], body)


def _tell_reading(spec: ModelSpec, method: Method, videos: int, language: Language) -> list[str]:
    """Return the sentences about how faces were read, left out and corrected."""
    say = language.say
    sentences = [
        say(
            "study.methods_read",
            version=version("mien"),
            model=spec.name,
            hash=spec.onnx_sha256[:12],
            labels=say(f"report.labels_{spec.labels}"),
        )
    ]
    if videos and method.every_s is None:
        sentences.append(say("study.methods_every_frame"))
    elif videos:
        sentences.append(say("study.methods_every", seconds=f"{method.every_s:g}"))
    if method.rules:
        stated = "; ".join(rule.text for rule in method.rules)
        sentences.append(say("study.methods_left_out", list=stated))

    sentences.append(say(f"study.methods_{_name_baseline(method.choice)}"))
    if method.choice.kind != "none":
        sentences.append(say("study.methods_order"))
    return sentences


def _tell_tests(method: Method, tests: int, language: Language) -> list[str]:
    """Return the sentences about the comparison of conditions."""
    say, level = language.say, language.percent(LEVEL)
    if method.test == "mixed":
        sentences = [say("study.methods_mixed", level=level), say("study.methods_alike")]
    else:
        compared = say("study.methods_compared", level=level, resamples=RESAMPLES)
        sentences = [compared, say("study.methods_pairs")]
    software = {name: version(name) for name in ("scipy", "statsmodels")}
    family = say("study.methods_family", tests=tests, seed=SEED, **software)
    return [*sentences, family]


def _list_cited(spec: ModelSpec, method: Method, tests: int) -> list[str]:
    """List the works to cite for what was done."""
    cited = [f"The mien authors. mien {version('mien')} [computer software].", _FER2013]
    cited += [_FER_PLUS] if spec.labels == "votes" else []
    cited += [] if method.choice.kind == "none" else [_EFRON, _OLDERBAK]
    if tests:
        cited += [_HESTERBERG] if method.test == "permutation" else []
        cited += [_HOLM, _SCIPY, _STATSMODELS]
    return cited


def _name_baseline(choice: Choice) -> str:
    """Return the name of the methods sentence about the subtracted baseline."""
    if choice.kind in {"none", "rest"}:
        return choice.kind
    return "even" if choice.expected == "even" else "group"
