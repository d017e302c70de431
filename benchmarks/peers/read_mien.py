"""Read faces and photos with mien, as benchmarks/peers.py asks every library.

Command: python read_mien.py MODEL KIND FILES, where KIND is faces (a .npy) or photos (a folder).
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

import mien

TIMED = 200
model, kind, files = sys.argv[1:]
if kind == "faces":
    faces = np.load(files)
    recognizer = mien.Recognizer(model, threads=1)
    recognizer.predict_probabilities(faces[:1])
    began = time.perf_counter()
    for face in faces[:TIMED]:
        recognizer.predict_probabilities(face[None])
    seconds = time.perf_counter() - began
    rows = recognizer.predict_probabilities(faces)
    words = [recognizer.emotions[int(row.argmax())] for row in rows]
else:
    analyzer = mien.Analyzer(model, threads=1)
    photos = [path.read_bytes() for path in sorted(Path(files).iterdir())]
    analyzer.analyze(photos[0])
    began = time.perf_counter()
    found = [analyzer.analyze(photo).faces for photo in photos]
    seconds = time.perf_counter() - began
    words = [
        max(one[0].probabilities, key=one[0].probabilities.get)
        if one and one[0].probabilities
        else None
        for one in found
    ]
print(json.dumps({"seconds": seconds, "words": words}))
