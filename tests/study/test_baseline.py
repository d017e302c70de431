"""A person's own baseline: it brings out what is slight, and refuses where it would hurt."""

import numpy as np
import pytest

import mien
from mien.emotions import EMOTIONS
from mien.errors import ConfigError, InputError
from mien.results import FaceResult, FrameResult, ImageResult, VideoResult, VideoSummary

NEUTRAL, SAD = EMOTIONS.index("neutral"), EMOTIONS.index("sad")


def softmax(logs):
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def slight(shown, person_offset, rng, strength=1.0):
    """Readings of one person: expressions that hardly show, and a face that leans elsewhere."""
    logs = strength * np.eye(7)[shown] + person_offset + rng.normal(0, 0.15, (len(shown), 7))
    return softmax(logs)


def read(baseline, rows, person):
    named = [dict(zip(EMOTIONS, map(float, row), strict=True)) for row in rows]
    corrected = [baseline.correct_probabilities(one, person) for one in named]
    return np.array([EMOTIONS.index(max(one, key=one.get)) for one in corrected])


def test_slight_expressions_of_people_who_look_sad_at_rest_come_out():
    rng = np.random.default_rng(0)
    shown = np.repeat(np.arange(7), 3)
    people = {f"p{n}": slight(shown, 2 * np.eye(7)[SAD], rng) for n in range(4)}
    names = [name for name in people for _ in shown]
    baseline = mien.Baseline.fit(np.concatenate(list(people.values())), names)
    for name, rows in people.items():
        assert (rows.argmax(axis=1) == shown).mean() < 0.3
        assert (read(baseline, rows, name) == shown).mean() > 0.95


def test_two_pictures_are_told_apart_and_shrunk():
    rows = softmax(
        np.log([[0.01, 0.01, 0.01, 0.35, 0.55, 0.06, 0.01], [0.01] * 3 + [0.02, 0.9, 0.04, 0.01]])
    )
    baseline = mien.Baseline.fit(rows, ["p", "p"])
    assert [EMOTIONS[at] for at in read(baseline, rows, "p")] == ["happy", "neutral"]
    assert baseline.offsets["p"].weight == pytest.approx(2 / 3)


def test_a_plain_mean_would_be_pulled_by_what_was_shown_most():
    rng = np.random.default_rng(1)
    often = np.array([3] * 30 + [0, 1, 2, 4, 5, 6])
    rows = slight(often, np.zeros(7), rng, strength=6.0)
    baseline = mien.Baseline.fit(rows, ["p"] * len(rows))
    assert (read(baseline, rows, "p") == often).all()
    assert abs(baseline.offsets["p"].values["happy"]) < 2  # 4.1 with the mean over pictures


@pytest.mark.parametrize("expected", ["even", "group"])
def test_it_refuses_where_it_would_hurt(expected):
    rng = np.random.default_rng(2)
    shown = np.repeat(np.arange(7), 2)
    varied = [slight(shown, np.zeros(7), rng, 3.0) for _ in range(3)]
    one = slight(np.full(6, 3), np.zeros(7), rng, 3.0)
    rows = np.concatenate([*varied, one, one[:1]])
    names = [*np.repeat(["a", "b", "c"], len(shown)), *["smiles"] * 6, "once"]
    baseline = mien.Baseline.fit(rows, names, expected=expected)
    reasons = {name: offset.refused for name, offset in baseline.offsets.items()}
    wanted = {"a": None, "b": None, "c": None}
    assert reasons == wanted | {"smiles": "one_expression", "once": "few_pictures"}
    named = dict(zip(EMOTIONS, map(float, one[0]), strict=True))
    for person in ("smiles", "once", "unknown"):
        assert baseline.correct_probabilities(named, person) == named


def test_a_group_takes_off_only_what_sets_a_person_apart():
    rng = np.random.default_rng(3)
    shown = np.array([NEUTRAL] * 8 + [3] * 4)  # mostly calm, as people are
    offsets = [np.zeros(7), np.zeros(7), np.zeros(7), 4 * np.eye(7)[SAD]]
    rows = [slight(shown, offset, rng, 3.0) for offset in offsets]
    names = np.repeat(["a", "b", "c", "stern"], len(shown))
    baseline = mien.Baseline.fit(np.concatenate(rows), list(names), expected="group")
    for name, own in zip("abc", rows, strict=False):
        assert (read(baseline, own, name) == shown).all()
    assert (rows[3].argmax(axis=1) == SAD).all()
    assert (read(baseline, rows[3], "stern") == shown).mean() > 0.9


def test_a_group_of_two_is_none():
    rows = softmax(np.random.default_rng(0).normal(size=(8, 7)))
    baseline = mien.Baseline.fit(rows, ["a", "b"] * 4, expected="group")
    assert {offset.refused for offset in baseline.offsets.values()} == {"few_people"}


def test_at_rest_a_face_reads_as_neutral():
    rng = np.random.default_rng(4)
    rest = slight(np.full(20, NEUTRAL), 3 * np.eye(7)[SAD], rng)
    baseline = mien.Baseline.fit(rest, ["p"] * 20, expected="rest")
    assert (rest.argmax(axis=1) == SAD).all()
    assert (read(baseline, rest, "p") == NEUTRAL).all()


def face(row, track_id=None):
    named = dict(zip(EMOTIONS, map(float, row), strict=True))
    emotion = max(named, key=named.get)
    return FaceResult(mien.Box(0, 0, 50, 50), (), 0.9, named, emotion, None, None, track_id, named)


def test_photos_frames_and_tracks_are_corrected():
    rng = np.random.default_rng(5)
    shown = np.arange(7)
    rows = slight(shown, 2 * np.eye(7)[SAD], rng)
    photos = [ImageResult(f"{n}.jpg", 99, 99, (face(row),)) for n, row in enumerate(rows)]
    baseline = mien.Baseline.of_results(photos, ["p"] * 7)
    corrected = [baseline.correct(photo, "p").faces[0] for photo in photos]
    assert [one.emotion for one in corrected] == list(EMOTIONS)
    assert sum(corrected[0].probabilities.values()) == pytest.approx(1)
    assert corrected[0].box == photos[0].faces[0].box
    assert corrected[0].certainty is None
    (strict,) = baseline.correct(photos[0], "p", threshold=0.99).faces
    assert (strict.emotion, strict.reason) == (None, "uncertain")

    frames = tuple(
        FrameResult("v", 0.2 * n, n, (face(row, 1), face(row[::-1], 2)))
        for n, row in enumerate(rows)
    )
    video = VideoResult(VideoSummary("v", 99, 99, None, 7, 7, (), ()), frames)
    tracks = mien.Baseline.of_tracks(video)
    assert set(tracks.offsets) == {"1", "2"}
    fixed = tracks.correct(video)
    assert [frame.faces[0].emotion for frame in fixed.frames] == list(EMOTIONS)
    assert fixed.frames[0].faces[0].smoothed == fixed.frames[0].faces[0].probabilities
    at_rest = mien.Baseline.of_frames_at_rest(video, 0, 0.5)
    assert at_rest.offsets["1"].pictures == 3


def test_what_cannot_be_meant_is_refused():
    rows = softmax(np.zeros((2, 7)))
    with pytest.raises(ConfigError, match="'even', 'group' or 'rest'"):
        mien.Baseline.fit(rows, ["a", "a"], expected="odd")
    with pytest.raises(InputError, match="one name for each of 2 rows, got 1"):
        mien.Baseline.fit(rows, ["a"])
    with pytest.raises(InputError, match=r"probabilities must be \(N, 7\)"):
        mien.Baseline.fit(rows[:, :3], ["a", "a"])
    with pytest.raises(InputError, match="some are not"):
        mien.Baseline.fit(rows * np.nan, ["a", "a"])
    with pytest.raises(ConfigError, match="'neutral'"):
        mien.Baseline.fit([[0.5, 0.5]], ["a"], emotions=("up", "down"), expected="rest")


def test_nothing_read_gives_no_baselines():
    baseline = mien.Baseline.of_results([ImageResult("a", 9, 9, ())], ["p"])
    assert dict(baseline.offsets) == {}
