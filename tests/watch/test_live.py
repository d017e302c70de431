"""Frames of one's own, live: tracks, events in time, frames dropped, streams that come back."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

import mien
from clips import write_clip
from mien.video.container import import_av
from mien.watch import stream as streams

SIZE = (320, 240)


def scene(portrait, bright=False):
    """A frame with the portrait in it; a bright one is read otherwise by the tiny model."""
    levels = portrait * (1.0 if bright else 0.4)
    frame = Image.new("RGB", SIZE, "#445566")
    frame.paste(Image.fromarray(levels.astype("uint8")).resize((220, 220)), (50, 10))
    return np.asarray(frame)


@pytest.fixture(scope="module")
def dark(portrait):
    return scene(portrait)


@pytest.fixture(scope="module")
def light(portrait):
    return scene(portrait, bright=True)


def test_rgb_and_bgr_are_one(analyzer, dark):
    live = mien.Live(analyzer=analyzer)
    result = live.read(dark, 0.0)
    (face,) = result.faces
    assert (result.frame, face.track_id) == (0, 1)
    other = mien.Live(analyzer=analyzer).read(dark[:, :, ::-1], 0.0, bgr=True)
    assert other.faces == result.faces
    assert live.read(dark, 0.04).faces[0].track_id == 1
    assert result.to_dict()["expressions"] == list(result.expressions)


def test_events_begin_and_end_in_time(analyzer, dark, light):
    live = mien.Live(analyzer=analyzer, smoothing_s=0.1)
    first, second = (mien.Live(analyzer=analyzer).read(f, 0).expressions for f in (dark, light))
    assert first != second
    began, ended = [], []
    for number in range(60):
        time_s = number / 20
        result = live.read(dark if time_s < 1.5 else light, time_s)
        began += [(time_s, event) for event in result.began]
        ended += [(time_s, event) for event in result.ended]
    ((when, one), (later, other)), ((end, gone),) = began, ended
    assert (one.emotion, one.start_s, when) == (first[0], 0.0, pytest.approx(0.5))
    assert (gone.emotion, gone.start_s) == (first[0], 0.0)
    assert gone.end_s == other.start_s == pytest.approx(1.55, abs=0.1)
    assert other.emotion == second[0]
    assert later == end == pytest.approx(gone.end_s + 0.5, abs=0.06)
    assert 0 < gone.confidence <= 1
    (last,) = live.finish()
    assert (last.emotion, last.end_s) == (second[0], pytest.approx(59 / 20))
    assert live.finish() == ()


def test_a_face_that_leaves_ends_its_event(analyzer, dark):
    live = mien.Live(analyzer=analyzer)
    for number in range(8):
        live.read(dark, number / 10)
    empty = np.zeros_like(dark)
    ended = [event for n in range(8, 24) for event in live.read(empty, n / 10).ended]
    assert [event.end_s for event in ended] == [pytest.approx(0.7)]
    assert live.read(dark, 5.0).faces[0].track_id == 2


def test_memory_does_not_grow(analyzer, dark):
    live = mien.Live(analyzer=analyzer)
    for number in range(12):
        live.read(dark if number % 2 else np.zeros_like(dark), number * 2.0)
    assert len(live._courses) <= 1


@pytest.mark.parametrize(
    ("frame", "time_s", "words"),
    [
        (np.zeros((4, 4)), 0, "got \\(4, 4\\) float64"),
        (np.zeros((4, 4), np.uint8), 0, "stack a grey frame three times"),
        (np.zeros((4, 4, 4), np.uint8), 0, "got \\(4, 4, 4\\) uint8"),
        (Image.new("RGB", (4, 4)), 0, "a NumPy array, .*, got Image"),
        (np.zeros((4, 4, 3), np.uint8), None, "number of seconds, got None"),
        (np.zeros((0, 4, 3), np.uint8), 0, "live frame"),
        (np.zeros((4, 4, 3), np.uint8), float("nan"), "number of seconds"),
    ],
)
def test_what_is_no_frame_gets_a_sentence(analyzer, frame, time_s, words):
    with pytest.raises(mien.MienError, match=words):
        mien.Live(analyzer=analyzer).read(frame, time_s)


def test_frames_of_another_size_start_anew(analyzer, dark):
    live = mien.Live(analyzer=analyzer)
    small = np.asarray(Image.fromarray(dark).resize((160, 120)))
    tracks = [
        live.read(frame, number / 10).faces[0].track_id
        for number, frame in enumerate([dark, dark, small, small, dark])
    ]
    assert tracks == [1, 1, 2, 2, 3]


def test_times_that_go_back_are_moved_on(analyzer, dark):
    live = mien.Live(analyzer=analyzer)
    times = [live.read(dark, time_s).time_s for time_s in (5.0, 2.0, 2.0, 6.0)]
    assert times == [5.0, pytest.approx(5.001), pytest.approx(5.002), 6.0]


def test_two_threads_can_read_one_camera(analyzer, dark):
    live = mien.Live(analyzer=analyzer)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(live.read, [dark] * 12, np.arange(12) / 10))
    assert sorted(result.frame for result in results) == list(range(12))
    assert len({result.time_s for result in results}) == 12
    assert {face.track_id for result in results for face in result.faces} == {1}


def test_settings_are_checked(analyzer):
    with pytest.raises(mien.ConfigError, match="smoothing_s"):
        mien.Live(analyzer=analyzer, smoothing_s=-1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, dark, light):
    path = tmp_path_factory.mktemp("live") / "clip.ts"
    times = [n / 20 for n in range(40)]
    path.write_bytes(
        write_clip([dark if t < 1 else light for t in times], times, container="mpegts")
    )
    return path


class Slow(mien.Live):
    def read(self, *args, **more):
        time.sleep(0.3)
        return super().read(*args, **more)


@pytest.mark.slow
def test_a_file_plays_at_its_speed_and_late_frames_are_dropped(analyzer, clip):
    live = Slow(analyzer=analyzer, source="clip")
    with streams.LiveStream(clip, live) as stream:
        began = time.monotonic()
        results = list(stream)
    assert time.monotonic() - began < 6
    assert 2 <= len(results) <= 8
    assert stream.dropped >= 40 - len(results) - 1
    assert stream.image.shape == (SIZE[1], SIZE[0], 3)
    numbers = [result.frame for result in results]
    assert numbers == sorted(set(numbers))
    assert [result.time_s for result in results] == sorted(result.time_s for result in results)


def test_open_names_its_source(tiny_model, clip):
    with mien.Live.open(clip, tiny_model, threads=1) as stream:
        first = next(iter(stream))
        assert first.source == str(clip)
    assert not stream._thread.is_alive()


def test_a_with_block_is_asked_for(analyzer, clip):
    stream = streams.LiveStream(clip, mien.Live(analyzer=analyzer))
    with pytest.raises(mien.ConfigError, match="with block"):
        next(iter(stream))
    stream.close()


def test_a_stream_is_used_once_and_can_be_closed_twice(analyzer, clip):
    with streams.LiveStream(clip, mien.Live(analyzer=analyzer)) as stream:
        next(iter(stream))
    stream.close()
    for use in (stream.__enter__, lambda: next(iter(stream))):
        with pytest.raises(mien.ConfigError, match="was opened before; open it again"):
            use()
    unused = streams.LiveStream(clip, mien.Live(analyzer=analyzer))
    unused.close()
    unused.close()


def test_closing_within_the_loop_ends_it(analyzer, clip):
    with streams.LiveStream(clip, mien.Live(analyzer=analyzer)) as stream:
        count = 0
        for _ in stream:
            count += 1
            stream.close()
    assert count == 1


class Server:
    """Sends a clip to whoever connects, and hangs up."""

    def __init__(self, data):
        self._data = data
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.served = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.served += 1
                with suppress(OSError):
                    connection.sendall(self._data)

    def close(self):
        self._listener.close()


@pytest.mark.enable_socket
def test_a_stream_that_breaks_off_is_opened_again(analyzer, clip, monkeypatch):
    monkeypatch.setattr(streams, "MIN_WAIT_S", 0.05)
    server = Server(clip.read_bytes())
    live = mien.Live(analyzer=analyzer)
    tracks, until_s = set(), time.monotonic() + 30
    with streams.LiveStream(f"tcp://127.0.0.1:{server.port}", live) as stream:
        for result in stream:
            tracks |= {face.track_id for face in result.faces}
            if (stream.reconnects >= 2 and len(tracks) >= 2) or time.monotonic() > until_s:
                break
    server.close()
    assert server.served >= 3
    assert len(tracks) >= 2  # nobody knows who is there after a break


def test_a_release_that_lacks_an_argument_is_not_told_as_a_missing_camera(
    analyzer, clip, monkeypatch
):
    monkeypatch.setattr(import_av(), "open", lambda place: None)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        streams.LiveStream(clip, mien.Live(analyzer=analyzer))


def test_the_newest_pyav_opens_streams_and_files(analyzer, clip, monkeypatch):
    av = import_av()
    opened, named = av.open, []

    def open_as_pyav_19(*args, **named_args):  # which has no `metadata_errors`
        named.append(set(named_args))
        return opened(*args, **named_args)

    monkeypatch.setattr(av, "open", open_as_pyav_19)
    monkeypatch.setattr(av, "__version__", "19.0.0")
    streams.LiveStream(clip, mien.Live(analyzer=analyzer)).close()
    mien.open_video(clip).close()
    assert {"io_open" in names for names in named} == {True, False}  # a file, and a stream
    assert not any("metadata_errors" in names for names in named)


@pytest.mark.enable_socket
def test_no_password_is_shown(analyzer):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(mien.VideoError, match="cannot be opened") as caught:
        mien.Live.open(f"rtsp://ann:s3cret@127.0.0.1:{port}/cam?token=s3cret", "fast")
    assert "s3cret" not in "".join(map(str, (caught.value, caught.value.__cause__)))
    assert "rtsp://127.0.0.1" in str(caught.value)


def test_a_missing_camera_gets_a_sentence(analyzer):
    with pytest.raises(mien.VideoError, match="camera 97 cannot be opened"):
        mien.Live.open(97, "fast")
    with pytest.raises(mien.ConfigError, match="0 or more"):
        mien.Live.open(-1, "fast")
