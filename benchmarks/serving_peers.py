"""Compare the service with a plain FastAPI wrapper of `fer`, on one machine in one run.

Command: python benchmarks/serving_peers.py PYTHON FER2013

PYTHON is the interpreter of an environment with `fer`, `fastapi` and `uvicorn`; FER2013 is the data
as for `mien train`. Both services receive the same pictures, with one face each, in alternating
rounds. Accuracy is measured on the face crops of FER2013's test split, so detectors play no part in
it.

fer's interpreter is not thread-safe, so its wrapper uses a lock.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from machine import write_result
from mien.data.datasets import load_dataset
from mien.model.recognizer import Recognizer
from serving_load import Connection, make_pictures, serve

CLIENTS = 16
ROUNDS = 6
ROUND_S = 5.0
PORT = 8765

WRAPPER = """
import threading
import cv2, numpy as np, uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fer.fer import FER

app, fer, turn = FastAPI(), FER(), threading.Lock()

def read(body):
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    with turn:
        faces = fer.detect_emotions(image)
    return [{"box": [int(v) for v in face["box"]], "emotions": face["emotions"]} for face in faces]

@app.post("/v1/analyze")
async def analyze(request: Request):
    return {"faces": await run_in_threadpool(read, await request.body())}

uvicorn.run(app, port=%d, log_level="error")
"""

JUDGE = """
import sys
import numpy as np
from fer.fer import FER

data = np.load(sys.argv[1])
fer = FER(offsets=(0, 0))
right = 0
for face, label in zip(data["faces"], data["labels"]):
    image = np.repeat(face[:, :, None], 3, axis=2)
    (found,) = fer.detect_emotions(image, face_rectangles=[(0, 0, 48, 48)])
    right += max(found["emotions"], key=found["emotions"].get) == str(label)
print("accuracy", right / len(data["labels"]))
"""


@contextmanager
def wrap(python: str) -> Iterator[int]:
    """Run the wrapper of fer; return its port."""
    command = [python, "-c", WRAPPER % PORT]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield PORT
        finally:
            process.terminate()


async def wait(port: int, picture: bytes) -> None:
    """Wait until a service responds."""
    for _ in range(600):
        try:
            connection = Connection(port)
            await connection.open()
            await connection.ask("POST", "/v1/analyze", picture)
            await connection.close()
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")


async def ask(port: int, pictures: list[bytes]) -> tuple[float, float]:
    """Run one round with all clients; return requests per second, and the share with a face."""
    began = time.perf_counter()
    faces: list[bool] = []

    async def be_client(number: int) -> None:
        connection = Connection(port)
        await connection.open()
        while time.perf_counter() < began + ROUND_S:
            number += 1
            path, picture = "/v1/analyze", pictures[number % len(pictures)]
            status, text = await connection.ask("POST", path, picture)
            if status != 200:
                raise SystemExit(f"answered {status}: {text}")
            faces.append(bool(json.loads(text)["faces"]))
        await connection.close()

    await asyncio.gather(*(be_client(number * 5) for number in range(CLIENTS)))
    return len(faces) / (time.perf_counter() - began), sum(faces) / len(faces)


def judge(python: str, data: str) -> tuple[int, float, float]:
    """Return the number of test faces, and the accuracy of mien and of fer on them."""
    dataset = load_dataset(data)
    split = dataset.splits["test"]
    labels = np.array(dataset.class_names)[split.labels]
    recognizer = Recognizer("accurate")
    best = recognizer.predict_probabilities(split.images).argmax(axis=1)
    own = float(np.mean(np.array(recognizer.emotions)[best] == labels))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faces.npz"
        np.savez(path, faces=split.images, labels=labels)
        command = [python, "-c", JUDGE, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"accuracy ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    return len(labels), own, float(found[1])


def main() -> None:
    """Measure, and write the results."""
    python, data = sys.argv[1:]
    pictures = make_pictures()
    rounds: dict[str, list[tuple[float, float]]] = {"mien": [], "fer": []}
    with serve() as (_, mien_port), wrap(python) as fer_port:
        ports = {"mien": mien_port, "fer": fer_port}
        for port in ports.values():
            asyncio.run(wait(port, pictures[0]))
        for _ in range(ROUNDS):
            for name, port in ports.items():
                rounds[name].append(asyncio.run(ask(port, pictures)))
    faces, *accuracies = judge(python, data)
    listed = [python, "-c", "from importlib.metadata import version; print(version('fer'))"]
    version = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.strip()
    figures: dict[str, Any] = {
        "clients": CLIENTS,
        "rounds": ROUNDS,
        "fer_version": version,
        "test_faces": faces,
        "ratio": statistics.median(
            m / f for (m, _), (f, _) in zip(rounds["mien"], rounds["fer"], strict=True)
        ),
    }
    for name, accuracy in zip(rounds, accuracies, strict=True):
        figures[name] = {
            "requests_per_s": statistics.median(rate for rate, _ in rounds[name]),
            "share_of_pictures_with_a_face": rounds[name][-1][1],
            "accuracy_on_test": accuracy,
        }
    write_result(__file__, ("fastapi", "onnxruntime"), figures)


if __name__ == "__main__":
    main()
