"""A person's own baseline: correct readings for how that person's face reads at rest.

Some faces look sad or stern at rest, to people and to every network. With several pictures of one
person, the part that stays the same in all of them can be estimated and taken off.

With x the log-probabilities of a picture, the corrected ones are

    x' = x - w (b - r),    w = n / (n + 1)

b is the person's mean of x, r what that mean is expected to be (see `Expected`), and n how many
pictures of the person were read: the less was seen, the smaller the correction. Where expressions
are shown equally often, there is a second step (`mien.study.balance`). Shrinking a mean
in this way is the empirical-Bayes estimate of a random effect whose variance equals that of the
noise of one picture (James and Stein 1961; Efron and Morris 1973, doi 10.2307/2284155). Baselines
for coded expressions, and what they are good for: Olderbak et al. 2014, doi
10.3758/s13428-013-0421-3. No label is used.
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

even: each of several expressions about equally often, as in posed sets and in designs with one
    condition an expression. The mean is then taken over expressions, not over pictures, and
    moved on to even shares (see `mien.study.balance`).
group: what the other people show on average, as where all see the same film. Only the difference
    of a person from the others is taken off.
rest: a face at rest, in every picture that the baseline is estimated from.
"""
Refusal: TypeAlias = Literal["few_pictures", "one_expression", "few_people"]
"""Why readings of a person are left as they are."""

MIN_PICTURES: Final = 2
MIN_SPREAD: Final = 0.5
"""Variance of a person's log-probabilities, summed over the words: below, they show one thing."""
MIN_PEOPLE: Final = 3
"""How many people a group has at least."""
REST_NEUTRAL: Final = 0.75
"""What neutral faces are read as neutral with, in the (geometric) mean over many people."""

_FLOOR = 1e-6  # results are rounded: no probability is taken to be smaller

_Result = TypeVar("_Result", ImageResult, FrameResult, VideoResult)


@dataclass(frozen=True, slots=True)
class Offset:
    """The offset of one person's log-probabilities.

    Attributes:
        pictures: How many pictures of the person were read.
        weight: The share of the person's mean that is taken off, in [0, 1).
        values: The offset for each expression, summing to 0; all 0 where it was refused.
        refused: Why no correction is made; None where one is.
    """

    pictures: int
    weight: float
    values: Mapping[str, float]
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baselines of several people, by their names.

        >>> happy, calm = [0, 0, 0, 0.4, 0.5, 0.1, 0], [0, 0, 0, 0.02, 0.7, 0.28, 0]
        >>> baseline = Baseline.fit([happy, calm], ["ann", "ann"])
        >>> corrected = baseline.correct_probabilities(dict(zip(EMOTIONS, happy)), "ann")
        >>> max(corrected, key=corrected.get)
        'happy'

    Attributes:
        emotions: The expressions.
        expected: What the pictures were expected to show.
        offsets: What is taken off, for each person.
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
        """Estimate baselines; no label is used.

        Args:
            probabilities: (N, C), a row a picture, each summing to 1; for `rest`, of pictures at
                rest only.
            people: Whose picture each is, N names.
            emotions: The names of the columns.
            expected: What the pictures are expected to show.

        Raises:
            ConfigError: `expected` is none of the three, or `rest` is asked of a model that does
                not know "neutral".
            InputError: The rows are not probabilities, or the lengths differ.
        """
        if expected not in get_args(Expected):
            raise ConfigError(f"expected is 'even', 'group' or 'rest', got {expected!r}")
        if expected == "rest" and "neutral" not in emotions:
            raise ConfigError("a baseline at rest needs a model that knows 'neutral'")
        logs = _to_logs(probabilities, len(emotions))
        if len(logs) != len(people):
            raise InputError(f"wanted a name for each of {len(logs)} rows, got {len(people)}")

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
        """Estimate baselines from photos or frames with one face of interest, the largest.

        Args:
            results: What `mien.analyze` or a `VideoResult`'s `frames` give.
            people: Whose picture each is.
            expected: What the pictures are expected to show.

        Raises:
            InputError: There is not one name for each result.
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
        """Estimate a baseline for each track of a video; a track's name is its number.

        Most frames of most recordings show a face at rest, so that a whole video is rarely even:
        prefer frames that are known to be at rest (`of_frames_at_rest`).
        """
        return cls._of_pairs(_list_track_faces(video), expected)

    @classmethod
    def of_frames_at_rest(cls, video: VideoResult, start_s: float, end_s: float) -> Self:
        """Estimate a baseline for each track from a stretch in which the faces are at rest.

        Args:
            video: The video.
            start_s: Where the stretch begins, in seconds.
            end_s: Where it ends, in seconds.
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
        """Subtract a person's baseline; nothing is subtracted for an unknown person.

        Args:
            probabilities: For each expression.
            person: A name that the baselines were estimated for.

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
        """Correct a result; its boxes and times stay as they are.

        Args:
            result: A photo, a frame or a video.
            person: Whose face it shows; None takes each face's track number as the name.
            threshold: Where no corrected probability reaches it, no emotion is named.

        Returns:
            A copy with corrected probabilities, smoothed probabilities and emotions, without
            `certainty`, which holds for probabilities as read. Events and the summary of a video
            are not computed anew.
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
        raise InputError(f"wanted probabilities (N, {columns}), got {rows.shape}")
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows <= 1 + 1e-6).all()):
        raise InputError("wanted probabilities in [0, 1]; some are not")
    logs = np.log(np.maximum(rows, _FLOOR))
    centred: NDArray[np.float64] = logs - logs.mean(axis=1, keepdims=True)
    return centred


def _expect(
    people: Mapping[str, NDArray[np.float64]], emotions: tuple[str, ...], expected: Expected
) -> NDArray[np.float64] | None:
    """Return the mean that a person's log-probabilities are expected to have, (C,)."""
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
    """Return why a person's readings should be left as they are."""
    if reference is None:
        return "few_people"
    if len(logs) < MIN_PICTURES:
        return "few_pictures"
    # At rest one expression is what is wanted. Elsewhere it would be taken for the person's own.
    spread = float(logs.var(axis=0, ddof=1).sum())
    return "one_expression" if expected != "rest" and spread < MIN_SPREAD else None


def _list_track_faces(video: VideoResult) -> list[tuple[Mapping[str, float], str]]:
    return [
        (face.probabilities, str(face.track_id))
        for frame in video.frames
        for face in frame.faces
        if face.probabilities is not None
    ]
