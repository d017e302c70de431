"""A video becomes a job: it tells how far it is, gives its result, and can be cancelled."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import jsonschema
import numpy as np
import pytest

import mien
from mien.serving import service as serving_service
from mien.serving.jobs import Cancelled, Job, Jobs
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem
from mien.serving.schemas import SCHEMAS
from mien.serving.videos import open_video_reader
from served import Client, serving

av = pytest.importorskip("av", reason="mien[video] is not installed")
from clips import dense  # noqa: E402 - it imports av

pytestmark = pytest.mark.enable_socket  # to this machine only

LIMITS = Limits(workers=1, max_jobs=3, max_video_s=5)


@pytest.fixture(scope="module")
def client(analyzer: mien.Analyzer) -> Iterator[Client]:
    with serving(analyzer, LIMITS) as client:
        yield client


def film(portrait: np.ndarray, seconds: float, *, frame_rate: int = 10) -> bytes:
    """A video of the portrait."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=frame_rate)
        video.width = video.height = 256
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(portrait[::2, ::2]), format="rgb24")
        for number in range(round(seconds * frame_rate)):
            frame.pts, frame.time_base = number, Fraction(1, frame_rate)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return stream.getvalue()


def follow(client: Client, location: str, *, until: tuple[str, ...]) -> dict:
    """Ask for a job until it is in one of some states."""
    end = time.monotonic() + 30
    while (job := client.get(location).json())["state"] not in until:
        assert time.monotonic() < end, job
        time.sleep(0.02)
    return job


@pytest.mark.slow
def test_a_video_is_answered_as_python_answers(client, analyzer, portrait):
    data = film(portrait, 1)
    taken = client.post("/v1/analyze/video", content=data, headers={"Content-Type": "video/mp4"})
    assert taken.status_code == 202
    location = taken.headers["location"]
    assert taken.json()["id"] in location
    job = follow(client, location, until=("done", "failed"))
    assert job["state"] == "done", job
    assert job["progress"] == 1
    result = client.get(job["result"])
    assert result.text == analyzer.analyze_video(data).to_json()
    schema = {"$ref": "#/components/schemas/VideoResult", "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(schema).validate(result.json())
    assert result.json()["frames_with_face"] > 0
    assert client.delete(location).status_code == 204
    assert client.get(location).status_code == 404
    assert "mien_upload_bytes 0.0" in client.get("/metrics").text


def test_what_is_no_video_is_refused_at_once(client, portrait_path):
    for data in (b"text", portrait_path.read_bytes(), b"#EXTM3U\nhttp://example.org/a.ts\n"):
        response = client.post("/v1/analyze/video", content=data)
        assert response.status_code == 415, response.text
    assert client.post("/v1/analyze/video", content=b"").status_code == 422


def test_a_damaged_video_fails_with_its_problem(client, portrait):
    data = film(portrait, 1)[:40] + bytes(1000)
    location = client.post("/v1/analyze/video", content=data).headers["location"]
    job = follow(client, location, until=("done", "failed"))
    assert job["state"] == "failed"
    assert job["problem"]["status"] == 422
    result = client.get(f"{location}/result")
    assert result.status_code == 422
    assert result.headers["content-type"] == "application/problem+json"
    client.delete(location)


def test_a_long_video_fails_with_its_problem(client, portrait):
    data = film(portrait, 6, frame_rate=2)
    location = client.post("/v1/analyze/video", files={"video": data}).headers["location"]
    job = follow(client, location, until=("done", "failed"))
    assert job["problem"]["status"] == 413
    assert "5 seconds" in job["problem"]["detail"]
    client.delete(location)


def test_unknown_jobs_are_not_found(client):
    assert client.get("/v1/jobs/nothing").status_code == 404
    assert client.get("/v1/jobs/nothing/result").status_code == 404
    assert client.delete("/v1/jobs/nothing").status_code == 404


def test_without_the_extra_videos_are_a_problem(analyzer, monkeypatch):
    def miss(*_):
        raise mien.MissingExtraError("a video needs av: pip install 'mien[video]'")

    monkeypatch.setattr(serving_service, "open_video_reader", miss)
    with serving(analyzer, LIMITS, working=False) as client:
        response = client.post("/v1/analyze/video", content=b"x")
        assert response.status_code == 501
        assert "mien[video]" in response.json()["detail"]


@pytest.mark.slow
def test_every_frame_that_is_decoded_counts(analyzer):
    jobs = Jobs(open_video_reader(analyzer, LIMITS), LIMITS, Metrics(), lambda _: None)
    jobs.start()
    job = jobs.submit(bytearray(dense(1000)))
    wait_for(lambda: job.state == "failed")
    assert job.problem is not None
    assert (job.problem.kind, job.problem.status) == ("too-large", 413)
    assert "more than 600 frames" in job.problem.detail
    jobs.stop()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["delete", "stop"])
def test_a_job_ends_between_the_frames_that_are_analysed(analyzer, way):
    limits = Limits(workers=1)
    jobs = Jobs(open_video_reader(analyzer, limits), limits, Metrics(), lambda _: None)
    jobs.start()
    job = jobs.submit(bytearray(dense(30_000)))
    wait_for(lambda: job.state == "running")
    time.sleep(0.5)
    begun = time.monotonic()
    if way == "delete":
        jobs.delete(job.id)
    else:
        jobs.stop()
    wait_for(lambda: job.state == "cancelled")
    assert time.monotonic() - begun < 1.5
    jobs.stop()


# --- jobs without videos -------------------------------------------------------------------------


@pytest.fixture
def jobs() -> Iterator[tuple[Jobs, list[int]]]:
    """Jobs that go on until they are cancelled."""
    freed: list[int] = []

    def read(job: Job) -> mien.VideoResult:
        for frame in range(10_000):
            job.advance(frame, frame / 10, 100.0)
            time.sleep(0.005)
        raise AssertionError

    jobs = Jobs(read, replace(LIMITS, keep_job_s=0.2), Metrics(), freed.append)
    jobs.start()
    yield jobs, freed
    jobs.stop()


def wait_for(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_job_tells_how_far_it_is_and_can_be_cancelled(jobs):
    jobs, freed = jobs
    job = jobs.submit(bytearray(7))
    waiting = jobs.submit(bytearray(5))
    wait_for(lambda: job.to_dict()["progress"])
    assert job.state == "running"
    assert waiting.state == "waiting"
    jobs.delete(waiting.id)
    assert (waiting.state, freed) == ("cancelled", [5])
    jobs.delete(job.id)
    wait_for(lambda: job.state == "cancelled")
    assert freed == [5, 7]
    with pytest.raises(Problem, match="no such job"):
        jobs.find(job.id)


def test_there_is_a_limit_to_jobs(jobs):
    jobs, _ = jobs
    for _ in range(3):
        jobs.submit(bytearray())
    with pytest.raises(Problem, match="3 videos") as refused:
        jobs.submit(bytearray())
    assert refused.value.status == 429
    assert refused.value.retry_after_s


def test_results_are_forgotten_after_a_while():
    def read(_: Job) -> mien.VideoResult:
        raise Cancelled

    jobs = Jobs(read, replace(LIMITS, keep_job_s=0.05), Metrics(), lambda _: None)
    jobs.start()
    job = jobs.submit(bytearray())
    wait_for(lambda: job.state == "cancelled")
    time.sleep(0.1)
    with pytest.raises(Problem, match="send the video again"):
        jobs.find(job.id)
    jobs.stop()


def test_a_job_is_plain_json():
    json.dumps(Job("a").to_dict())
