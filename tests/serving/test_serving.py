"""The service answers as the command does, and says what is wrong with a request."""

import gc
import gzip
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import brotli
import jsonschema
import numpy as np
import pytest
from PIL import Image

import mien
from mien.model.recognizer import ASSETS
from mien.serving.guard import Access
from mien.serving.limits import Limits
from mien.serving.page import CSP, Page
from mien.serving.schemas import SCHEMAS
from pictures import encode, hostile, pattern, png
from served import Client, serving

LIMITS = Limits(workers=2, max_image_bytes=2**20, max_request_bytes=2**21, max_images=4)

pytestmark = pytest.mark.enable_socket  # to this machine only


@pytest.fixture(scope="module")
def client(analyzer: mien.Analyzer) -> Iterator[Client]:
    with serving(analyzer, LIMITS) as client:
        yield client


def check_problem(response, status: int, kind: str) -> dict:
    """Check that an answer is a problem document, and give it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/docs#{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in response.text
    assert str(Path(mien.__file__).parent) not in response.text
    return problem


def validator(name: str) -> jsonschema.Draft202012Validator:
    components = {"components": {"schemas": SCHEMAS}}
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **components})


# --- answers -------------------------------------------------------------------------------------


def test_a_picture_is_answered_as_python_answers(client, analyzer, portrait_path):
    data = portrait_path.read_bytes()
    response = client.post("/v1/analyze", content=data, headers={"Content-Type": "image/jpeg"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == analyzer.analyze(data).to_json()
    validator("ImageResult").validate(response.json())
    assert len(response.json()["faces"]) == 1


@pytest.mark.parametrize(
    "content_type",
    [None, "image/png", "application/octet-stream", "application/x-www-form-urlencoded"],
)
def test_content_decides_what_a_picture_is(client, portrait_path, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = client.post("/v1/analyze", content=portrait_path.read_bytes(), headers=headers)
    assert response.status_code == 200
    assert response.json()["width"] == 512


def test_a_picture_without_faces_is_an_empty_result(client):
    response = client.post("/v1/analyze", content=encode(Image.fromarray(pattern()), "PNG"))
    assert response.status_code == 200
    assert response.json()["faces"] == []


def test_a_form_is_answered_in_order_and_one_bad_file_spoils_no_other(
    client, analyzer, portrait_path
):
    data = portrait_path.read_bytes()
    small = encode(Image.fromarray(pattern()), "PNG")
    files = [
        ("images", ("../../etc/passwd", data, "image/jpeg")),
        ("images", ("b\x00.png", b"no picture", "image/png")),
        ("whatever", ("c", small, "text/plain")),
    ]
    response = client.post("/v1/analyze", files=files)
    assert response.status_code == 200
    validator("Results").validate(response.json())
    first, second, third = response.json()["results"]
    assert json.dumps(first) == analyzer.analyze(data).to_json()
    assert second["error"]["kind"] == "image"
    assert third["width"] == 60
    assert "passwd" not in response.text


@pytest.mark.slow
def test_a_form_of_nothing_but_bad_files_is_a_problem(client):
    files = [("images", (name, data)) for name, (data, _) in list(hostile().items())[1:4]]
    problem = check_problem(client.post("/v1/analyze", files=files), 415, "unknown-type")
    assert [result["error"]["kind"] for result in problem["results"]] == ["image"] * 3


@pytest.mark.slow
def test_many_at_once_are_answered_bit_for_bit_as_one_at_a_time(client, analyzer, portrait):
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(12):
        top, left = rng.integers(0, 40, 2)
        pictures.append(
            encode(Image.fromarray(portrait[top : top + 300, left : left + 400]), "PNG")
        )
    wanted = [analyzer.analyze(picture).to_json() for picture in pictures]
    with ThreadPoolExecutor(12) as pool:
        post = lambda picture: client.post("/v1/analyze", content=picture).text  # noqa: E731
        assert list(pool.map(post, pictures * 3)) == wanted * 3
    assert 'le="+Inf"' in client.get("/metrics").text


def test_the_model_tells_its_contract(client, analyzer):
    assert client.get("/v1/model").json() == json.loads(
        json.dumps(analyzer.recognizer.spec.to_dict())
    )
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ready\n"


@pytest.mark.slow
def test_not_ready_until_warm(analyzer):
    with serving(analyzer, LIMITS, working=False) as client:
        assert client.get("/healthz").status_code == 200
        problem = check_problem(client.get("/readyz"), 503, "starting")
        assert "still loading" in problem["detail"]


def test_metrics_count_and_tell_nothing_of_faces(client, portrait_path):
    client.post("/v1/analyze", content=portrait_path.read_bytes())
    page = client.get("/metrics").text
    assert 'mien_requests_total{method="POST",route="/v1/analyze",status="200"}' in page
    assert "mien_pictures_waiting 0.0" in page
    assert "mien_upload_bytes 0.0" in page
    assert not [emotion for emotion in mien.EMOTIONS if emotion in page]


# --- what is refused -----------------------------------------------------------------------------


def spoilt() -> dict[str, bytes]:
    """Sixty uploads and more that are no pictures, or not any more."""
    files = {name: data for name, (data, _) in hostile().items()}
    del files["half.jpeg"]  # what is there of a JPEG is read
    whole = {
        kind: encode(Image.fromarray(pattern()).resize((200, 150)), kind)
        for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
    }
    for kind, data in whole.items():
        for share in (0.02, 0.1, 0.3):
            files[f"{kind}-{share}"] = data[: max(4, int(len(data) * share))]
        if kind not in {"BMP", "PPM"}:  # these would only be black
            files[f"{kind}-zeros"] = data[:16] + bytes(len(data) - 16)
    files |= {
        "zip": b"PK\x03\x04" + bytes(200),
        "gzip": gzip.compress(whole["PNG"]),
        "elf": b"\x7fELF" + bytes(200),
        "pickle": b"\x80\x04\x95\x00\x00.",
        "json": b'{"url": "http://169.254.169.254/latest/meta-data"}',
        "url": b"http://127.0.0.1:22/",
        "path": b"/etc/passwd",
        "nul": bytes(1000),
        "one": b"\xff",
        "empty": b"",
        "shell": b"#!/bin/sh\nreboot\n",
        "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(64),
        "exif-loop": b"\xff\xd8\xff\xe1\x00\x10Exif\0\0II*\0\x08\0\0\0\xff\xd9",
    }
    return files


@pytest.mark.parametrize(("name", "data"), spoilt().items(), ids=list(spoilt()))
def test_hostile_uploads_get_their_problem(client, name, data):
    raw = client.post("/v1/analyze", content=data)
    assert raw.status_code in {413, 415, 422}, raw.text
    check_problem(raw, raw.status_code, raw.json()["type"].removeprefix("/docs#"))
    form = client.post("/v1/analyze", files={"image": (name, data)})
    assert 400 <= form.status_code < 500, form.text
    assert client.get("/readyz").status_code == 200


@pytest.mark.slow
def test_there_are_enough_hostile_uploads():
    assert len(spoilt()) >= 60


@pytest.mark.slow
def test_what_is_no_picture_and_what_is_damaged_differ(client):
    files = hostile()
    check_problem(client.post("/v1/analyze", content=files["text.jpg"][0]), 415, "unknown-type")
    check_problem(client.post("/v1/analyze", content=files["half.png"][0]), 422, "unreadable")
    cut_off = client.post("/v1/analyze", content=files["half.jpeg"][0])
    assert "its end is missing" in cut_off.json()["damage"]  # what is there of a JPEG is read
    check_problem(client.post("/v1/analyze", content=files["huge.png"][0]), 413, "too-large")
    body = json.dumps({"url": "http://example.org/a.jpg"})
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/analyze", content=body, headers=headers)
    check_problem(response, 400, "malformed")  # an address is never fetched


def test_too_many_pixels_are_refused_before_they_are_decoded(analyzer):
    with serving(analyzer, replace(LIMITS, max_pixels=1000)) as client:
        data = png(pattern(), bits=8)  # 60 x 40
        problem = check_problem(client.post("/v1/analyze", content=data), 413, "too-large")
        assert "1,000 pixels" in problem["detail"]


def test_too_many_bytes_are_refused(client):
    response = client.post("/v1/analyze", content=bytes(2**20 + 1))
    check_problem(response, 413, "too-large")
    chunks = (bytes(2**18) for _ in range(9))  # without a length, so that it shows only on the way
    check_problem(client.post("/v1/analyze", content=chunks), 413, "too-large")
    one = {"image": ("a", bytes(2**20 + 1))}
    check_problem(client.post("/v1/analyze", files=one), 413, "too-large")
    many = [("image", ("a", bytes(2**20))) for _ in range(3)]
    check_problem(client.post("/v1/analyze", files=many), 413, "too-large")


def test_too_many_files_are_refused(client):
    files = [("image", ("a", b"x"))] * 5
    problem = check_problem(client.post("/v1/analyze", files=files), 413, "too-large")
    assert "4" in problem["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--a\r\n"),
        ("multipart/form-data; boundary=a", b""),
        ("multipart/form-data; boundary=a", b"--a--\r\n"),
        ("multipart/form-data; boundary=a", b"no form at all"),
        ("multipart/form-data; boundary=a", b"--a\r\nX: y\r\n\r\ncut off"),
        ("multipart/form-data; boundary=a", b"--a\r\nno header\r\n\r\n\r\n--a--"),
        ("multipart/form-data; boundary=" + "a" * 300, b"--a--"),
        ("multipart/form-data; boundary=a", b"--a\r\n" + b"X: y\r\n" * 100 + b"\r\n\r\n--a--"),
    ],
)
def test_damaged_forms_are_refused(client, content_type, body):
    response = client.post("/v1/analyze", content=body, headers={"Content-Type": content_type})
    assert response.status_code in {400, 422}
    check_problem(response, response.status_code, response.json()["type"].removeprefix("/docs#"))


def test_a_full_queue_says_when_to_come_again(analyzer, portrait_path):
    with serving(analyzer, replace(LIMITS, max_waiting=4), working=False) as client:
        service = client.service
        service.workers.submit([bytearray(b"x")] * 4)
        response = client.post("/v1/analyze", content=portrait_path.read_bytes())
        check_problem(response, 429, "queue-full")
        assert 1 <= int(response.headers["retry-after"]) <= 60


def test_a_slow_answer_is_given_up_and_its_work_freed(analyzer, portrait_path, caplog):
    with serving(analyzer, replace(LIMITS, answer_s=0.05), working=False) as client:
        response = client.post("/v1/analyze", content=portrait_path.read_bytes())
        check_problem(response, 503, "no-answer")
        assert int(response.headers["retry-after"]) > 0
        assert client.service.workers.waiting == 0

    gc.collect()  # asyncio reports a forgotten exception as it is collected
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_uploads_share_a_memory_limit(analyzer):
    limits = replace(LIMITS, max_upload_memory_bytes=2**21, max_video_bytes=2**21)
    with serving(analyzer, limits, working=False) as client:
        client.service.memory.hold(2**21 - 10)
        check_problem(client.post("/v1/analyze", content=bytes(100)), 503, "busy")
        client.service.memory.release(2**21 - 10)


def test_unknown_paths_and_methods_are_problems(client):
    check_problem(client.get("/nowhere"), 404, "not-found")
    check_problem(client.get("/v1/../../etc/passwd"), 404, "not-found")
    check_problem(client.get("/%2e%2e/%2e%2e/etc/passwd"), 404, "not-found")
    response = client.put("/v1/model")
    check_problem(response, 405, "wrong-method")
    assert response.headers["allow"] == "GET"


@pytest.mark.slow
def test_a_fault_of_ours_is_logged_and_not_shown(analyzer, portrait_path, caplog):
    class Broken:
        recognizer = analyzer.recognizer
        detector = analyzer.detector

        def find_faces(self, image, **settings):
            found = analyzer.find_faces(image, **settings)
            if found.faces:  # not at the warm-up
                raise ZeroDivisionError("a secret of the house")
            return found

    with serving(Broken(), LIMITS) as client, caplog.at_level(logging.ERROR):
        response = client.post("/v1/analyze", content=portrait_path.read_bytes())
        check_problem(response, 500, "failed")
        assert "secret" not in response.text
        assert "ZeroDivisionError" in caplog.text
        response = client.post("/v1/analyze", content=b"text")
        check_problem(response, 415, "unknown-type")  # the worker is still there


# --- who may ask ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_only_its_own_names_are_answered(client):
    for host in ("127.0.0.1", "localhost:8000", "[::1]:80", "LOCALHOST"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "[", ""):
        check_problem(client.get("/healthz", headers={"Host": host}), 421, "wrong-host")


@pytest.mark.slow
def test_pages_of_others_may_not_ask(analyzer):
    with serving(
        analyzer, LIMITS, Access(origins=("https://good.example",)), working=False
    ) as client:
        own = str(client.base_url)
        assert client.get("/healthz", headers={"Origin": own}).status_code == 200
        for origin in ("https://evil.example", "null", "http://127.0.0.1:9000"):
            response = client.get("/healthz", headers={"Origin": origin})
            check_problem(response, 403, "wrong-origin")
            assert "access-control-allow-origin" not in response.headers
        response = client.get("/healthz", headers={"Origin": "https://good.example"})
        assert response.headers["access-control-allow-origin"] == "https://good.example"
        ask = {"Origin": "https://good.example", "Access-Control-Request-Method": "POST"}
        assert client.options("/v1/analyze", headers=ask).status_code == 200


@pytest.mark.slow
def test_only_pages_that_are_named_may_frame_the_page_and_nothing_else(analyzer, tmp_path):
    (tmp_path / "index.html").write_text("<title>mien</title>")
    frames = ("https://good.example", "http://localhost:3000")
    for allowed, ancestors in ((frames, " ".join(frames)), ((), "'none'")):
        access = Access(frames=allowed)
        with serving(analyzer, LIMITS, access, page=Page(tmp_path), working=False) as client:
            headers = client.get("/").headers
            policy = headers["content-security-policy"]
            assert policy.endswith(f"; frame-ancestors {ancestors}")
            assert headers.get("x-frame-options") == (None if allowed else "DENY")
            for path in ("/docs", "/v1/model", "/nowhere"):
                headers = client.get(path).headers
                assert "frame-ancestors 'none'" in headers["content-security-policy"]
                assert headers["x-frame-options"] == "DENY"


@pytest.mark.slow
def test_a_token_is_asked_for_where_there_is_one(analyzer):
    with serving(analyzer, LIMITS, Access(token="s3cret"), working=False) as client:
        for given in (
            None,
            "",
            "Bearer",
            "Bearer wrong",
            "Basic s3cret",
            "Bearer s3cret2",
            "Bearer é",
        ):
            headers = {} if given is None else {"Authorization": given.encode("latin-1")}
            for path in ("/v1/model", "/metrics"):
                response = client.get(path, headers=headers)
                check_problem(response, 401, "no-token")
                assert response.headers["www-authenticate"] == "Bearer"
        headers = {"Authorization": "bearer s3cret"}
        assert client.get("/v1/model", headers=headers).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/v1/model", "/nowhere", "/openapi.json"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


# --- pages ---------------------------------------------------------------------------------------


def test_without_the_page_its_place_says_so(analyzer, tmp_path):
    with serving(analyzer, LIMITS, page=Page(tmp_path / "none"), working=False) as client:
        response = client.get("/")
    assert response.status_code == 200
    assert "make web" in response.text
    assert 'href="/docs"' in response.text


@pytest.mark.slow
def test_the_page_opens_in_the_language_of_its_host(analyzer, tmp_path):
    text = '<!doctype html><html lang="en"><title>mien</title>'
    (tmp_path / "index.html").write_text(text)
    (tmp_path / "index.html.br").write_bytes(brotli.compress(text.encode()))
    etags = set()
    for lang, wanted in ((None, text), ("ar", text.replace("<html ", '<html data-lang="ar" '))):
        page = Page(tmp_path, lang=lang)
        with serving(analyzer, LIMITS, page=page, working=False) as client:
            for path in ("/", "/index.html"):
                response = client.get(path, headers={"Accept-Encoding": "br"})
                assert response.text == wanted
            etags.add(response.headers["etag"])
            again = client.get("/", headers={"If-None-Match": response.headers["etag"]})
            assert again.status_code == 304
    assert len(etags) == 2


def test_models_of_the_page_come_from_the_assets(analyzer, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html>hello")
    with serving(analyzer, LIMITS, page=Page(tmp_path), working=False) as client:
        model = client.get("/assets/fast-a1B2c3D4.onnx")
        assert model.content == (ASSETS / "fast.onnx").read_bytes()
        assert model.headers["cache-control"].endswith("immutable")
        for name in ("best-a1B2c3D4.onnx", "..%2Ffast-a1B2c3D4.onnx", "fast.onnx"):
            assert client.get(f"/assets/{name}").status_code == 404


@pytest.mark.slow
def test_the_page_is_served_whole(analyzer, tmp_path):
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>hello")
    (folder / "sw.js").write_text("1")
    (folder / "assets" / "ort-a1B2c3D4.wasm").write_bytes(b"\0asm" * 99)
    (folder / "assets" / "ort-a1B2c3D4.wasm.gz").write_bytes(gzip.compress(b"\0asm" * 99))
    (tmp_path / "secret.txt").write_text("secret")
    with serving(analyzer, LIMITS, page=Page(folder), working=False) as client:
        home = client.get("/")
        assert home.text == "<!doctype html>hello"
        assert home.headers["content-security-policy"] == CSP + "'none'"
        assert home.headers["cache-control"] == "no-cache"
        again = client.get("/", headers={"If-None-Match": home.headers["etag"]})
        assert (again.status_code, again.text) == (304, "")
        assert client.get("/sw.js").headers["content-type"].startswith("text/javascript")
        for accepted, coding in (("gzip, br", "gzip"), ("identity", None), ("gzip;q=0", None)):
            wasm = client.get("/assets/ort-a1B2c3D4.wasm", headers={"Accept-Encoding": accepted})
            assert wasm.content == b"\0asm" * 99
            assert wasm.headers["content-type"] == "application/wasm"
            assert wasm.headers.get("content-encoding") == coding
            assert "immutable" in wasm.headers["cache-control"]
            assert wasm.headers["vary"] == "Accept-Encoding"
        for path in (
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/assets/../../secret.txt",
            "//etc/passwd",
        ):
            assert client.get(path).status_code == 404


def test_a_file_that_is_there_in_brotli_alone_reaches_every_client(analyzer, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html>hello")
    (tmp_path / "ort-a1B2c3D4.wasm.br").write_bytes(brotli.compress(b"\0asm" * 99))
    with serving(analyzer, LIMITS, page=Page(tmp_path), working=False) as client:
        for accepted, coding in (("gzip, br", "br"), ("gzip", None)):
            wasm = client.get("/ort-a1B2c3D4.wasm", headers={"Accept-Encoding": accepted})
            assert wasm.content == b"\0asm" * 99
            assert wasm.headers.get("content-encoding") == coding
            assert wasm.headers["content-type"] == "application/wasm"
        assert client.get("/ort-a1B2c3D4.wasm.br").status_code == 404


def test_the_docs_tell_every_operation_and_problem(client):
    page = client.get("/docs").text
    described = client.get("/openapi.json").json()
    for path in described["paths"]:
        assert path in page
    assert 'id="queue-full"' in page
    assert "<script" not in page
    assert "src=" not in page


def test_the_examples_fit_their_schemas(client):
    described = client.get("/openapi.json").json()
    checked = 0
    for operations in described["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    named = described["components"]["examples"]
                    examples = [named[name]["value"] for name in content.get("examples", {})]
                    examples += [content["example"]] if "example" in content else []
                    schema = {**content.get("schema", {}), "components": described["components"]}
                    for example in examples:
                        jsonschema.Draft202012Validator(schema).validate(example)
                        checked += 1
    assert checked > 20
    assert named["ImageResult"]["value"]["faces"][0]["reason"] is None
