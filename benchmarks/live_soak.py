"""Does mien.Live keep its memory flat over an hour of a stream that drops and comes back?

Command: python benchmarks/live_soak.py [--minutes N]

Another process sends a looped clip at 30 frames per second over TCP, in real time. Every ten
minutes the stream breaks, in turn by hanging up and by falling silent, and stays away for 15
seconds. `fast` reads it on one thread. Once a minute, the reading process notes its resident
memory and how many frames it has read.
"""

import argparse
import io
import multiprocessing
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av

import mien
from live_speed import RATE, SIZE, draw_frames
from machine import write_result

CLIP_S = 2
BREAK_EVERY_S = 600.0
AWAY_S = 15.0


def resident_mb() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 1e6


def encode_clip() -> list[bytes]:
    """Encode the clip as an MPEG transport stream, a part for each frame."""
    buffer = io.BytesIO()
    ends = [0]
    with av.open(buffer, "w", format="mpegts", options={"flush_packets": "1"}) as container:
        stream = container.add_stream("mpeg2video", rate=RATE)
        stream.height, stream.width, stream.bit_rate = *SIZE, 2_000_000
        stream.time_base = Fraction(1, RATE)
        for picture in draw_frames(CLIP_S * RATE):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            ends.append(buffer.tell())
        container.mux(stream.encode(None))
    ends[-1] = len(buffer.getvalue())  # with what the encoder held back
    return [buffer.getvalue()[start:end] for start, end in pairwise(ends)]


def serve(report: Connection) -> None:
    """Send the clip over and over to whoever connects, and break the connection now and then."""
    parts = encode_clip()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    report.send(port)

    breaks = 0
    while True:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            began = time.monotonic()
            for number in range(round(BREAK_EVERY_S * RATE)):
                time.sleep(max(0.0, began + number / RATE - time.monotonic()))
                connection.sendall(parts[number % len(parts)])
            breaks += 1
            if breaks % 2 == 0:
                time.sleep(AWAY_S)  # connected, but silent
                continue
        listener.close()
        time.sleep(AWAY_S)
        listener = socket.create_server(("127.0.0.1", port))


def follow(port: int, minutes: float) -> Iterator[tuple[mien.LiveFrame, mien.LiveStream]]:
    """Yield each result, and the stream."""
    with mien.Live.open(f"tcp://127.0.0.1:{port}", "fast", threads=1) as stream:
        began = time.monotonic()
        for result in stream:
            yield result, stream
            if time.monotonic() - began > 60 * minutes:
                return


def soak(port: int, minutes: float) -> dict[str, Any]:
    """Read the stream and note memory and frames, minute by minute."""
    marks: list[dict[str, float]] = []
    read = with_face = dropped = reconnects = 0
    used_s = time.process_time()

    for result, stream in follow(port, minutes):
        read += 1
        with_face += bool(result.faces)
        dropped, reconnects = stream.dropped, stream.reconnects
        if result.time_s > 60 * (len(marks) + 1):
            marks.append({"resident_mb": round(resident_mb(), 1), "frames": read})
            print(len(marks), marks[-1], dropped, reconnects, file=sys.stderr, flush=True)

    return {
        "minutes": minutes,
        "frames_a_second_sent": RATE,
        "frames_read": read,
        "frames_with_a_face": with_face,
        "frames_dropped": dropped,
        "reconnects": reconnects,
        "processor_s": time.process_time() - used_s,
        "each_minute": marks,
    }


def main() -> None:
    """Soak."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    minutes: float = parser.parse_args().minutes

    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    server = spawn.Process(target=serve, args=(there,), daemon=True)
    server.start()
    figures = soak(here.recv(), minutes)
    server.terminate()

    write_result(__file__, ("mien", "av", "onnxruntime"), figures)


if __name__ == "__main__":
    main()
