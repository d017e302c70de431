"""Frames have times that start at 0 and never decrease, whatever the file's timestamps are."""

from contextlib import closing

import pytest

from clips import even, numbered, write_clip
from mien.video.container import VideoFile
from mien.video.times import Clock, read_times


def test_times_are_seconds_from_the_beginning():
    clock = Clock(time_base=0.001, origin_s=2.0, step_s=0.04)
    assert [clock.read(stamp) for stamp in (2000, 2040, 2120)] == pytest.approx([0, 0.04, 0.12])
    assert not clock.restarted


def test_a_frame_without_a_timestamp_follows_the_previous_one():
    clock = Clock(time_base=0.001, origin_s=0.0, step_s=0.04)
    assert [clock.read(None), clock.read(None), clock.read(100)] == pytest.approx([0, 0.04, 0.1])


def test_small_steps_back_are_evened_and_large_ones_continue_the_recording():
    clock = Clock(time_base=0.001, origin_s=0.0, step_s=0.04)
    times = [clock.read(stamp) for stamp in (-50, 1500, 1480, 20, 60)]
    assert times == pytest.approx([0.0, 1.5, 1.501, 1.541, 1.581])
    assert clock.restarted


def test_what_an_mp4_states():
    clip = write_clip(numbered(20), even(20))
    with closing(VideoFile(clip)) as file, file.open() as (container, stream):
        stated = read_times(container, stream, frame_rate=25.0)
    assert (stated.origin_s, stated.duration_s, stated.step_s) == (0.0, 0.8, 0.04)
    assert (stated.required_s, stated.is_own_length) == (pytest.approx(0.8), True)
