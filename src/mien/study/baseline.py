"""Correct readings for a person's baseline: how their face reads at rest.

Some faces look sad or stern at rest, to people and to every network. With several pictures of one
person, the constant part can be estimated and subtracted.

Let x be the log-probabilities of a picture. The corrected ones are

    x' = x - w (b - r),    w = n / (n + 1)

where b is the person's mean of x, r its expected value (see `Expected`), and n the number of
pictures of the person: fewer pictures give a smaller correction. Where expressions are shown
equally often, a second step follows (`mien.study.balance`). Shrinking a mean in this way is the
empirical-Bayes estimate of a random effect whose variance equals the noise variance of one picture
(James and Stein 1961; Efron and Morris 1973, doi 10.2307/2284155). Olderbak et al. 2014 (doi
10.3758/s13428-013-0421-3) discuss baselines for coded expressions. No label is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Self, TypeAlias, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, InputError
from mien.results import FaceResult, FrameResult, ImageResult, VideoResult
from mien.study.balance import SHRINKAGE, estimate_even_offset

Expected: TypeAlias = Literal["even", "group", "rest"]
"""What the pictures of a person are expected to show.

even: several expressions about equally often, as in posed sets and in designs with one condition
    per expression. The mean is taken over expressions instead of pictures, and adjusted to even
    shares (see `mien.study.balance`).
group: the average of the other people, as when all watch the same film. Only the difference
    between a person and the others is subtracted.
rest: a face at rest, in every picture used for the baseline.
"""
Refusal: TypeAlias = Literal["few_pictures", "one_expression", "few_people"]
"""Reasons to leave a person's readings uncorrected."""

MIN_PICTURES: Final = 2
MIN_SPREAD: Final = 0.5
"""Minimum variance of a person's log-probabilities, summed over words: below, only one expression
is shown."""
MIN_PEOPLE: Final = 3
"""Minimum number of people in a group."""
REST_NEUTRAL: Final = 0.75
"""Geometric mean probability of "neutral" over many people's neutral faces."""

_FLOOR = 1e-6  # lower bound of probabilities, since results are rounded

_Result = TypeVar("_Result", ImageResult, FrameResult, VideoResult)


@dataclass(frozen=True, slots=True)
class Offset:
    """Offset of one person's log-probabilities.

    Attributes:
        pictures: Number of pictures of the person.
        weight: Fraction of the person's mean that is subtracted, in [0, 1).
        values: Offset of each expression, summing to 0; all 0 where it was refused.
        refused: Why there is no correction; None where there is one.
    """

    pictures: int
    weight: float
    values: Mapping[str, float]
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """Baselines of several people, by name.

        >>> happy, calm = [0, 0, 0, 0.4, 0.5, 0.1, 0], [0, 0, 0, 0.02, 0.7, 0.28, 0]
        >>> baseline = Baseline.fit([happy, calm], ["ann", "ann"])
        >>> corrected = baseline.correct_probabilities(dict(zip(EMOTIONS, happy)), "ann")
        >>> max(corrected, key=corrected.get)
        'happy'

    Attributes:
        emotions: Names of the expressions.
        expected: What the pictures were expected to show.
        offsets: The offset of each person.
    """

    emotions: tuple[str, ...]
    expected: Expected
    offsets: Mapping[str, Offset]

    @classmethod
    def fit(
        cls,
        probabilities: ArrayLike,
        people: Sequence[str],
        *,
        emotions: Sequence[str] = EMOTIONS,
        expected: Expected = "even",
    ) -> Self:
        """Estimate baselines without labels.

        Args:
            probabilities: (N, C), one row per picture, each summing to 1; for `rest`, only pictures
                at rest.
            people: The person in each picture, N names.
            emotions: Names of the columns.
            expected: What the pictures are expected to show.

        Raises:
            ConfigError: `expected` is unknown, or `rest` is used with a model that does not know
                "neutral".
            InputError: The rows are not probabilities, or the lengths differ.
        """
        if expected not in get_args(Expected):
            raise ConfigError(f"expected must be 'even', 'group' or 'rest', got {expected!r}")
        if expected == "rest" and "neutral" not in emotions:
            raise ConfigError("a baseline at rest requires a model with the class 'neutral'")
        logs = _to_logs(probabilities, len(emotions))
        if len(logs) != len(people):
            raise InputError(f"expected one name for each of {len(logs)} rows, got {len(people)}")

        rows: dict[str, list[int]] = {}
        for row, person in enumerate(people):
            rows.setdefault(person, []).append(row)
        spoken = {person: logs[indices] for person, indices in rows.items()}
        reference = _expect(spoken, tuple(emotions), expected)
        offsets = {
            person: _estimate(own, tuple(emotions), expected, reference)
            for person, own in spoken.items()
        }
        return cls(tuple(emotions), expected, offsets)

    @classmethod
    def of_results(
        cls,
        results: Iterable[ImageResult | FrameResult],
        people: Iterable[str],
        *,
        expected: Expected = "even",
    ) -> Self:
        """Estimate baselines from photos or frames, using the largest face of each.

        Args:
            results: Results of `mien.analyze`, or the `frames` of a `VideoResult`.
            people: The person in each picture.
            expected: What the pictures are expected to show.

        Raises:
            InputError: The numbers of names and results differ.
        """
        pairs = [
            (face.probabilities, person)
            for result, person in zip(results, people, strict=True)
            for face in result.faces[:1]
            if face.probabilities is not None
        ]
        return cls._of_pairs(pairs, expected)

    @classmethod
    def of_tracks(cls, video: VideoResult, *, expected: Expected = "even") -> Self:
        """Estimate a baseline for each track of a video; a track is named by its number.

        Most frames of most recordings show a face at rest, so a whole video is rarely even: prefer
        frames that are known to be at rest (`of_frames_at_rest`).

        Args:
            video: The video.
            expected: What the frames are expected to show.
        """
        return cls._of_pairs(_list_track_faces(video), expected)

    @classmethod
    def of_frames_at_rest(cls, video: VideoResult, start_s: float, end_s: float) -> Self:
        """Estimate a baseline for each track from an interval in which the faces are at rest.

        Args:
            video: The video.
            start_s: Start of the interval, in seconds.
            end_s: End of the interval, in seconds.
        """
        frames = tuple(frame for frame in video.frames if start_s <= frame.time_s < end_s)
        return cls._of_pairs(_list_track_faces(replace(video, frames=frames)), "rest")

    @classmethod
    def _of_pairs(
        cls, pairs: Sequence[tuple[Mapping[str, float], str]], expected: Expected
    ) -> Self:
        emotions = tuple(pairs[0][0]) if pairs else EMOTIONS
        rows = np.array([[found[name] for name in emotions] for found, _ in pairs])
        people = [person for _, person in pairs]
        return cls.fit(
            rows.reshape(-1, len(emotions)), people, emotions=emotions, expected=expected
        )

    def correct_probabilities(
        self, probabilities: Mapping[str, float], person: str
    ) -> dict[str, float]:
        """Subtract a person's baseline; probabilities of an unknown person are unchanged.

        Args:
            probabilities: Probability of each expression.
            person: One of the people that baselines were estimated for.

        Returns:
            Corrected probabilities, summing to 1.
        """
        offset = self.offsets.get(person)
        if offset is None or offset.refused is not None:
            return dict(probabilities)
        logs = {
            name: np.log(max(value, _FLOOR)) - offset.values[name]
            for name, value in probabilities.items()
        }
        highest = max(logs.values())
        parts = {name: float(np.exp(value - highest)) for name, value in logs.items()}
        total = sum(parts.values())
        return {name: part / total for name, part in parts.items()}

    def correct(
        self, result: _Result, person: str | None = None, *, threshold: float | None = None
    ) -> _Result:
        """Correct a result; its boxes and times are unchanged.

        Args:
            result: A photo, a frame or a video.
            person: The person shown; None uses each face's track number as the name.
            threshold: No emotion is named if all corrected probabilities are below it.

        Returns:
            A copy with corrected probabilities, smoothed probabilities and emotions, without
            `certainty`, which only holds for uncorrected probabilities. Events and the summary of
            a video are not recomputed.
        """
        if isinstance(result, VideoResult):
            frames = tuple(
                self.correct(frame, person, threshold=threshold) for frame in result.frames
            )
            return replace(result, frames=frames)
        faces = tuple(self._correct_face(face, person, threshold) for face in result.faces)
        return replace(result, faces=faces)

    def _correct_face(
        self, face: FaceResult, person: str | None, threshold: float | None
    ) -> FaceResult:
        name = str(face.track_id) if person is None else person
        smoothed = face.smoothed
        if smoothed is not None:
            face = replace(face, smoothed=self.correct_probabilities(smoothed, name))

        if face.probabilities is None:
            return face
        corrected = self.correct_probabilities(face.probabilities, name)
        emotion = max(corrected, key=lambda word: corrected[word])
        certain = threshold is None or corrected[emotion] >= threshold

        return replace(
            face,
            probabilities=corrected,
            emotion=emotion if certain else None,
            reason=None if certain else "uncertain",
            certainty=None,  # it was fitted to probabilities as read
        )


def _to_logs(probabilities: ArrayLike, columns: int) -> NDArray[np.float64]:
    """Convert probabilities to log-probabilities minus the mean of each row, (N, C)."""
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != columns:
        raise InputError(f"probabilities must be (N, {columns}), got {rows.shape}")
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows <= 1 + 1e-6).all()):
        raise InputError("probabilities must be in [0, 1]; some are not")
    logs = np.log(np.maximum(rows, _FLOOR))
    centred: NDArray[np.float64] = logs - logs.mean(axis=1, keepdims=True)
    return centred


def _expect(
    people: Mapping[str, NDArray[np.float64]], emotions: tuple[str, ...], expected: Expected
) -> NDArray[np.float64] | None:
    """Return the expected mean of a person's log-probabilities, (C,)."""
    if expected == "group":
        if len(people) < MIN_PEOPLE:
            return None
        return np.asarray(np.mean([own.mean(axis=0) for own in people.values()], axis=0))
    if expected == "rest":
        others = (1 - REST_NEUTRAL) / (len(emotions) - 1)
        shares = np.array([REST_NEUTRAL if name == "neutral" else others for name in emotions])
        return np.asarray(np.log(shares) - np.log(shares).mean())
    return np.zeros(len(emotions))


def _estimate(
    logs: NDArray[np.float64],
    emotions: tuple[str, ...],
    expected: Expected,
    reference: NDArray[np.float64] | None,
) -> Offset:
    """Estimate one person's offset from centred log-probabilities (N, C)."""
    count = len(logs)
    refused = _find_refusal(logs, expected, reference)
    if refused is not None or reference is None:
        return Offset(count, 0.0, dict.fromkeys(emotions, 0.0), refused)

    weight = count / (count + SHRINKAGE)
    if expected == "even":
        values = estimate_even_offset(logs)
    else:
        values = weight * (logs.mean(axis=0) - reference)
    return Offset(count, weight, dict(zip(emotions, map(float, values), strict=True)))


def _find_refusal(
    logs: NDArray[np.float64], expected: Expected, reference: NDArray[np.float64] | None
) -> Refusal | None:
    """Return why a person's readings should not be corrected, or None."""
    if reference is None:
        return "few_people"
    if len(logs) < MIN_PICTURES:
        return "few_pictures"
    # A single expression is expected at rest, but elsewhere it would pass for the person's own.
    spread = float(logs.var(axis=0, ddof=1).sum())
    return "one_expression" if expected != "rest" and spread < MIN_SPREAD else None


def _list_track_faces(video: VideoResult) -> list[tuple[Mapping[str, float], str]]:
    return [
        (face.probabilities, str(face.track_id))
        for frame in video.frames
        for face in frame.faces
        if face.probabilities is not None
    ]
