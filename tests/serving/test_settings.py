"""Requests carry the settings of the command; what is not known is refused, never ignored."""

import base64
import inspect
import json
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.cli.analyze import analyze
from mien.options import ReadingOptions
from mien.serving.limits import Limits
from mien.serving.settings import describe_settings
from served import Client, serving
from tiny_model import write_tiny_model

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.enable_socket  # to this machine only


@pytest.fixture(scope="module")
def client(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("other")
    other = write_tiny_model(folder, name="other", class_shares=(1 / 7,) * 7)
    held = [mien.Analyzer(model, threads=1) for model in (tiny_model, other)]
    with serving(held, Limits(workers=1)) as client:
        yield client


@pytest.fixture(scope="module")
def photo(portrait_path: Path) -> bytes:
    return portrait_path.read_bytes()


@pytest.mark.slow
def test_a_setting_changes_the_answer(client, photo):
    assert len(client.post("/v1/analyze", content=photo).json()["faces"]) == 1
    none = client.post("/v1/analyze", content=photo, params={"min_score": 0.999})
    assert (none.status_code, none.json()["faces"]) == (200, [])


def test_detection_settings_are_those_of_python(client, photo, tiny_model):
    detector = mien.FaceDetector(detector_size=320, threads=1)
    wanted = mien.Analyzer(tiny_model, detector=detector).analyze(photo).to_dict()
    got = client.post("/v1/analyze", content=photo, params={"detector_size": 320}).json()
    assert got["faces"][0]["box"] == pytest.approx(wanted["faces"][0]["box"])


def test_every_setting_of_the_command_is_one_of_the_service():
    own = {"from_list", "output", "json", "annotate", "font", "report"}
    own |= {"image_column", "key_column", "fps"}  # of files and folders
    own |= {"device"}  # of the server: mien serve --device
    own |= {"engine", "workers"}  # of a cluster
    own |= {"lang"}  # of drawings and reports
    renamed = {"every": "every_s", "start": "start_s", "end": "end_s"}
    parameters = inspect.signature(analyze).parameters.values()
    options = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - own - {"options"}
    options |= {field.name for field in fields(ReadingOptions)}
    settings = {setting["name"] for setting in describe_settings("video")}
    assert {renamed.get(option, option) for option in options} <= settings


def test_the_largest_faces_alone_can_be_asked_for(client):
    group = (ROOT / "tests" / "golden" / "group.png").read_bytes()
    every = client.post("/v1/analyze", content=group).json()["faces"]
    assert len(every) > 2
    for params, kept in (
        ({"limit_faces": 2}, every[:2]),
        ({"min_face_px": shorter_side(every[1])}, every[:2]),
        ({"limit_faces": 99, "min_face_px": 0}, every),
    ):
        assert client.post("/v1/analyze", content=group, params=params).json()["faces"] == kept


def shorter_side(face):
    return min(face["box"]["width"], face["box"]["height"]) - 0.01  # written rounded


def test_a_prior_is_expected(client, photo):
    query = {"prior": "happy=1,neutral=1", "model": "other"}
    (plain,) = client.post("/v1/analyze", content=photo).json()["faces"]
    (face,) = client.post("/v1/analyze", content=photo, params=query).json()["faces"]
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert face["probabilities"]["sad"] == 0 < plain["probabilities"]["sad"]


@pytest.mark.slow
def test_features_are_those_of_python(photo):
    query = {"features": "true"}
    with serving([mien.Analyzer("fast", threads=1)], Limits(workers=1)) as client:
        (plain,) = client.post("/v1/analyze", content=photo).json()["faces"]
        (face,) = client.post("/v1/analyze", content=photo, params=query).json()["faces"]
        body = {"img": base64.b64encode(photo).decode(), "features": True}
        (again,) = client.post("/v1/analyze", json=body).json()["faces"]
    wanted = mien.analyze_photo(photo, model="fast", features=True, threads=1).faces[0].features
    assert face.pop("features") == again["features"] == pytest.approx(wanted, abs=1e-5)
    assert face == plain


def test_one_of_the_services_models_is_named(client, photo):
    names = [client.get("/v1/model", params=params).json()["name"] for params in ({}, MODEL)]
    assert names == ["tiny", "other"]
    assert client.post("/v1/analyze", content=photo, params=MODEL).status_code == 200


MODEL = {"model": "other"}


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/v1/analyze", "min_scor=1", "did you mean min_score?"),
        ("/v1/analyze", "every_s=1", "the settings are model, detector_size"),
        ("/v1/analyze", "min_score=2", "at most 1"),
        ("/v1/analyze", "min_score=x", "min_score must be a number, got 'x'"),
        ("/v1/analyze", "min_score=nan", "must be a number"),
        ("/v1/analyze", "detector_size=640.5", "must be a whole number"),
        ("/v1/analyze", "detector_size=4096", "at most 1280 in this service"),
        ("/v1/analyze", "detector_size=640&detector_size=320", "occurs twice"),
        ("/v1/analyze", "model=best", "only tiny, other"),
        ("/v1/analyze", "coverage=2", "coverage"),
        ("/v1/analyze", "limit_faces=0", "limit_faces must be 1 or more, got 0"),
        ("/v1/analyze", "min_face_px=-1", "min_face_px must be 0 or more"),
        ("/v1/analyze", "min_face=40", "did you mean min_face_px?"),
        ("/v1/analyze", "features=true", "does not expose its LSTM's outputs"),
        ("/v1/analyze", "features=1", "features must be true or false, got '1'"),
        ("/v1/analyze", "prior=joy", "'joy' cannot be read"),
        ("/v1/analyze", "prior=joy=1", "which the model does not know"),
        ("/v1/analyze", "rotated=on", "rotated must be 'auto', 'always' or 'never', got 'on'"),
        ("/v1/analyze/video", "every=1", "did you mean every_s?"),
        ("/v1/analyze/video", "every_s=0", "every_s must be above 0"),
        ("/v1/analyze/video", "start_s=2&end_s=1", "end_s must be after"),
        ("/v1/analyze/video", "model=best", "only tiny, other"),
        ("/v1/model", "model=best", "only tiny, other"),
    ],
)
def test_what_cannot_be_used_is_refused(client, photo, path, query, said):
    method = "GET" if path == "/v1/model" else "POST"
    answer = client.request(method, f"{path}?{query}", content=photo)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/docs#bad-setting"
    assert said in answer.json()["detail"]


@pytest.mark.slow
def test_a_video_is_read_at_the_interval_asked_for(client):
    pytest.importorskip("av")
    from clips import even, write_clip

    video = write_clip([np.zeros((120, 160, 3), np.uint8)] * 50, even(50))
    times = {}
    for query in ("", "?every_s=1", "?every_s=frame&end_s=0.5"):
        job = client.post(f"/v1/analyze/video{query}", content=video).json()
        while (state := client.get(f"/v1/jobs/{job['id']}").json()["state"]) != "done":
            assert state in {"waiting", "running"}
            time.sleep(0.05)
        result = client.get(f"/v1/jobs/{job['id']}/result").json()
        client.delete(f"/v1/jobs/{job['id']}")
        times[query] = [frame["time_s"] for frame in result["frames"]]
    assert len(times["?every_s=1"]) < len(times[""])
    assert all(time_s < 0.5 for time_s in times["?every_s=frame&end_s=0.5"])
    assert len(times["?every_s=frame&end_s=0.5"]) > 5


def test_json_holds_pictures_as_base64(client, photo):
    text = base64.b64encode(photo).decode()
    plain = client.post("/v1/analyze", content=photo).json()
    body = {"img": text, "actions": ["emotion"], "detector_backend": "opencv", "min_score": 0.5}
    assert client.post("/v1/analyze", json=body).json() == plain
    two = client.post("/v1/analyze", json={"img": [f"data:image/jpeg;base64,{text}", text]}).json()
    assert two == {"results": [plain, plain]}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{", 400, "not valid JSON"),
        ("[" * 100_000, 400, "not valid JSON"),
        ("[]", 400, "no member img"),
        ("{}", 400, "no member img"),
        ({"img": 3}, 400, "expected text"),
        ({"img": "https://example.org/a.jpg"}, 422, "URLs are not fetched"),
        ({"img": ""}, 422, "img is empty"),
        ({"img": []}, 422, "an empty list"),
        ({"img": ["AAAA"] * 17}, 413, "more than 16 pictures"),
        ({"img": "AAAA", "actions": ["emotion", "age"]}, 400, "reads nothing else"),
        ({"img": "AAAA", "detecter_size": 3}, 400, "did you mean detector_size?"),
        ({"img": "AAAA", "anti_spoofing": True}, 400, "unknown setting 'anti_spoofing'"),
        ({"img": "AAAA"}, 415, "not a supported picture"),
    ],
)
def test_json_that_cannot_be_used_is_refused(client, body, status, said):
    content = body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/analyze", content=content, headers=headers)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/analyze", "POST"),
        ("HEAD", "/v1/analyze/video", "POST"),
        ("PUT", "/v1/analyze", "POST"),
        ("HEAD", "/v1/model", "GET"),
    ],
)
def test_a_wrong_method_is_told_from_a_wrong_path(client, method, path, allow):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allow)
    assert client.request(method, f"{path}/nowhere").status_code in {404, 405}
