"""Write the tables of measured time and memory."""

import math
from pathlib import Path
from typing import Any, Final

from blocks import BENCHMARKS, block, count_hours, read_epochs, read_evaluation, read_json
from blocks.paces import describe_machine
from mien.model.recognizer import NETWORKS

MIN_FACES: Final = 15
"""A share of fewer faces is not shown."""


def write_cost() -> str:
    """Write how long the models take to run and to train."""
    speed = read_json(BENCHMARKS / "recognizer_speed.json")
    told = {name: speed["figures"][name] for name in NETWORKS}
    trainings = [_describe_training(name) for name in NETWORKS]
    measures = {
        "one face, one thread": [f"{f['one_face_one_thread_ms']:.1f} ms" for f in told.values()],
        "faces per second in a batch": [
            f"{f['recognizer_faces_per_s']:,.0f}" for f in told.values()
        ],
        "speed relative to torch, face by face": [f"{f['ratio']:.1f} x" for f in told.values()],
        "training": trainings,
    }
    where = (
        f"Times on {describe_machine(speed['machine'])}: `{speed['command']}`; "
        "training times are the sums of `benchmarks/accuracy/NAME-history.csv`, on the hardware "
        "that the recipes name, without the training of the teachers."
    )
    return block(
        [
            f"| | {' | '.join(f'`{name}`' for name in told)} |",
            f"|---|{'--:|' * len(told)}",
            *(f"| {key} | {' | '.join(values)} |" for key, values in measures.items()),
            "",
            where,
        ]
    )


def write_turned_photos() -> str:
    """Write what searching photos in all four orientations finds and costs."""
    measured = read_json(BENCHMARKS / "turned_photos.json")
    people, faceless = measured["figures"]["people"], measured["figures"]["faceless"]
    lines = [
        (
            "| `rotated` | found, upright | found, rotated | false faces | time, upright photo "
            "| time, no face |"
        ),
        "|---|--:|--:|--:|--:|--:|",
    ]
    for rotated, none in faceless.items():
        rows = [collection[rotated] for collection in people.values()]
        photos = sum(row["photos"] for row in rows)
        upright = sum(row["upright_right"] for row in rows)
        turned = sum(row["turned_right"] for row in rows)
        slow = sum(row["photos"] * row["upright_ms"] for row in rows) / photos
        lines.append(
            f"| `{rotated}` | {upright} of {photos} | {turned} of {3 * photos} | "
            f"{none['with_false_face']} of {none['pictures']} | {slow:.0f} ms | "
            f"{none['ms']:.0f} ms |"
        )
    where = (
        f"Photos of one person or six, and pictures without faces: `{measured['command']}`. Times "
        "are CPU times with one thread; tight face crops take longest, because the detector is "
        "least sure of them."
    )
    return block([*lines, "", where])


def _describe_training(name: str) -> str:
    """Describe how long a model was trained, including the model it started from."""
    epochs: list[dict[str, str]] = []
    while name:
        epochs += read_epochs(name)
        told = read_evaluation(name)["model"]["training"]["config"]
        name = Path(told.get("start", "")).parent.parent.name
    return f"{len(epochs)} epochs, {count_hours(epochs):.1f} h"


def write_page_speed() -> str:
    """Write how much the page loads, and how many frames it reads per second."""
    measured = read_json(BENCHMARKS / "page_speed.json")
    machine, chromium = measured["machine"], measured["figures"]["chromium"].split(".")[0]
    rows = [
        f"| {name} | {model['first_load']['brotli_mb']:.1f} MB | "
        f"{model['camera']['frames_per_s']:.0f} |"
        for name, model in measured["figures"]["models"].items()
    ]
    return block(
        [
            "| model | first load, compressed | frames per second |",
            "|---|---|---|",
            *rows,
            "",
            (
                f"One face from a 640x480 camera, in Chromium {chromium} on "
                f"{describe_machine(machine)}, without a GPU; detection and recognition use "
                "one thread. Measured by `benchmarks/page_speed.py`."
            ),
        ]
    )


def write_many_files() -> str:
    """Write the measurements of a run over many photos."""
    measured = read_json(BENCHMARKS / "many_files.json")
    found, machine = measured["figures"], measured["machine"]
    same = "same" if found["same_table_after_kill"] else "different"
    pace = [found[f"photos_per_core_second_{part}_third"] for part in ("first", "last")]
    memory = [found[f"memory_{part}_third_mb"] for part in ("first", "last")]
    where = (
        f"On {describe_machine(machine)} (`{measured['command']}`); the "
        "photos are crops of the sample photo, one in fifty corrupt."
    )
    return block(
        [
            f"| {found['photos']:,} photos in one run | |",
            "|---|--:|",
            f"| photos per second | {found['photos_per_s']:.0f} |",
            f"| CPU use | {found['share_of_cores_kept_busy']:.0%} |",
            f"| CPU available to the run | {found['share_of_cores_had']:.0%} |",
            f"| photos per core second, first and last third | {pace[0]:.0f}, {pace[1]:.0f} |",
            f"| memory, first and last third | {memory[0]}, {memory[1]} MB |",
            f"| table after a kill in the middle and a restart | {same} |",
            "",
            where,
        ]
    )


def write_service() -> str:
    """Write the load test of the service."""
    result = read_json(BENCHMARKS / "serving_load.json")
    found = result["figures"]
    where = (
        f"On {describe_machine(result['machine'])}, shared by the service and its clients. "
        f"Pictures are 640 x 640 with one face each. `{result['command']}`"
    )
    rows = {
        "concurrent clients": f"{found['clients']}",
        f"pictures answered in {found['seconds']:.0f} s": f"{found['answered']:,}",
        "answered with 429": f"{found['refused']:,}",
        "other errors": f"{found['errors']:,}",
        "results that differ from reading one at a time": f"{found['different']:,}",
        "pictures per second, over HTTP": f"{found['service_pictures_per_s']:.1f}",
        "pictures per second, same cores, without HTTP": f"{found['own_pictures_per_s']:.1f}",
        "ratio, median of the rounds (lowest, highest)": f"{found['ratio']:.2f} "
        f"({found['ratio_lowest']:.2f}, {found['ratio_highest']:.2f})",
        "clients that send a picture every ten seconds, at 70 % of this rate": "about "
        f"{0.7 * 10 * found['service_pictures_per_s']:,.0f}",
        "CPU time per picture, over HTTP": f"{found['service_cpu_ms_per_picture']:.1f} ms",
        "CPU time per picture, without HTTP": f"{found['own_cpu_ms_per_picture']:.1f} ms",
        "latency, median": f"{found['median_s']:.2f} s",
        "latency, 99th percentile": f"{found['p99_s']:.2f} s",
        "single client, first request": f"{found['first_ms']:.0f} ms",
        "single client, hundredth request": f"{found['hundredth_ms']:.0f} ms",
        "memory after a quarter of the time": f"{found['memory_early_mb']:.0f} MB",
        "memory at the end": f"{found['memory_late_mb']:.0f} MB",
    }
    return block(
        [
            "| | |",
            "|---|--:|",
            *(f"| {what} | {value} |" for what, value in rows.items()),
            "",
            where,
        ]
    )


def write_peers() -> str:
    """Write the comparison of the service with a wrapper of another library."""
    result = read_json(BENCHMARKS / "serving_peers.json")
    found = result["figures"]
    lines = ["| | requests per second | accuracy on FER2013's test split |", "|---|--:|--:|"]
    for name, words in (("mien", "`mien serve`"), ("fer", f"`fer` {found['fer_version']}")):
        row = found[name]
        lines.append(f"| {words} | {row['requests_per_s']:.1f} | {row['accuracy_on_test']:.1%} |")
    return block([*lines, "", f"{found['clients']} concurrent clients. `{result['command']}`"])


def write_libraries() -> str:
    """Write the comparison of libraries that benchmarks/peers.py measured."""
    result = read_json(BENCHMARKS / "peers.json")
    found, machine = result["figures"], result["machine"]
    rows = [
        f"| {name} | {100 * f['accuracy_label']:.1f} % | {100 * f['accuracy_votes']:.1f} % "
        f"| {100 * f['accuracy_photos']:.1f} % | {f['faces_per_s']:,.0f} | {f['photos_per_s']:.1f} "
        f"| {f['first_answer_s']:.1f} s | {f['model_mb']:.2f} MB |"
        for name, f in found["peers"].items()
    ]
    head = [
        (
            "| | FER2013's label | people's votes | press photos | faces per second "
            "| photos per second | first answer | network |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    # Half of a 95 % interval at most, in points: that of a share of one half.
    chance = [98 / math.sqrt(found[kind]) for kind in ("faces", "photos")]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    sets = ", ".join(machine["instruction_sets"] or ())
    several = found["rounds"] > 1
    rounds = f"medians of {found['rounds']} rounds" if several else "one round"
    where = (
        f"{versions}; {found['faces']:,} faces, {found['photos']:,} photos, {rounds}, "
        f"on {machine['processor']} ({sets}): compare the speeds with each other only. By chance "
        f"alone, an accuracy may be off by {chance[0]:.1f} points on the faces and by "
        f"{chance[1]:.1f} on the photos (95 % intervals)."
    )
    return block([*head, *rows, "", where])


def write_person_baseline() -> str:
    """Write what benchmarks/person_baseline.py measured."""
    result = read_json(BENCHMARKS / "person_baseline.json")
    rows = [
        f"| `{name}.zip` | {f['people']} | {f['faces']} | `{model}` | {100 * f['accuracy']:.1f} % "
        f"| {100 * f['accuracy_with_plain_mean']:.1f} % "
        f"| {100 * f['accuracy_with_baseline']:.1f} % | {f['people_left_as_they_are']} |"
        for model, sets in result["figures"].items()
        for name, f in sets.items()
    ]
    where = (
        "Accuracy with `even` on two sets of posed faces that no model was trained on: "
        f"`{result['command']}`."
    )
    head = [
        (
            "| faces | people | pictures | model | accuracy | less the plain mean "
            "| with the baseline | people refused |"
        ),
        "|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    return block([where, "", *head, *rows])


def write_study_coverage() -> str:
    """Write what benchmarks/study_coverage.py counted."""
    result = read_json(BENCHMARKS / "study_coverage.json")
    figures = result["figures"]
    shapes = figures["intervals_that_hold_the_truth"]
    sizes = list(shapes["normal"])
    rows = [
        f"| {name} | {' | '.join(f'{100 * shares[size]:.1f} %' for size in sizes)} |"
        for name, shares in shapes.items()
    ]
    where = (
        f"How often the 95 % intervals of {figures['studies']:,} simulated studies contain the "
        f"true difference: `{result['command']}`. In those of mixed models, 15 % of the "
        "participants' means are missing."
    )
    head = [
        f"| distribution of differences | {' | '.join(f'{size} participants' for size in sizes)} |",
        f"|---|{'--:|' * len(sizes)}",
    ]
    return block([where, "", *head, *rows])


def write_face_quality() -> str:
    """Write how often faces with a reason to doubt are read wrongly, and others."""
    result = read_json(BENCHMARKS / "face_quality.json")
    sets = result["figures"]
    rules = {
        "blurred": "`blurred`: `sharpness` under {:g}",
        "dark": "`dark`: `brightness` under {:g}",
        "turned_away": "no reason: `yaw_deg` above {:g}",
    }
    rows = []
    for reason, rule in rules.items():
        for name, found in sets.items():
            own = found["accurate"][reason]
            if own["with"]["faces"] < MIN_FACES:
                continue
            rows.append(
                f"| {rule.format(own['limit'])} | {name} "
                f"| {own['with']['faces']:,} | {_write_share(own['with'])} "
                f"| {_write_share(own['without'])} |"
            )
    where = (
        "Share of faces that `accurate` reads wrongly, with 95 % intervals, for faces with a "
        "reason and for those without any. Pictures were blurred and darkened. The limits were "
        f"chosen on lfw and fer2013-a and checked on the others: `{result['command']}`."
    )
    head = [
        "| reason | faces | with it | wrong | without, wrong |",
        "|---|---|--:|--:|--:|",
    ]
    return block([where, "", *head, *rows])


def _write_share(counted: dict[str, Any]) -> str:
    """Write the share of mistakes with its interval."""
    low, high = counted["low"], counted["high"]
    return f"{100 * counted['wrong']:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def write_live_speed() -> str:
    """Write what benchmarks/live_speed.py and live_soak.py measured."""
    result = read_json(BENCHMARKS / "live_speed.json")
    figures = result["figures"]
    soaked = read_json(BENCHMARKS / "live_soak.json")
    soak = soaked["figures"]
    marks = [minute["resident_mb"] for minute in soak["each_minute"]]
    seen = soak["frames_read"] + soak["frames_dropped"]
    rows = [
        f"| `{name}` | {figures[name]['p50_ms']:.0f} ms | {figures[name]['p95_ms']:.0f} ms "
        f"| {figures[name]['frames_a_second']:.0f} |"
        for name in ("fast", "accurate")
    ]
    where = (
        f"Frames of {figures['size']} pixels with one moving face, CPU time on one of "
        f"{describe_machine(result['machine'])}: `{result['command']}`. The slower frames "
        "are those in which faces are detected in the whole picture."
    )
    memory = (
        f"Over {soak['minutes']:g} minutes of a stream of {soak['frames_a_second_sent']} frames "
        f"per second, which broke and came back {soak['reconnects']} times, the process used "
        f"{marks[0]:.0f} MB after the first minute, at most {max(marks):.0f} MB, and "
        f"{marks[-1]:.0f} MB at the end. It read {soak['frames_read']:,} of {seen:,} frames, on a "
        f"busy machine: `{soaked['command']}`."
    )
    head = ["| model | median | 95th percentile | frames per second |", "|---|--:|--:|--:|"]
    return block([where, "", *head, *rows, "", memory])


def write_video_speed() -> str:
    """Write what benchmarks/video_speed.py measured."""
    result = read_json(BENCHMARKS / "video_speed.json")
    figures = result["figures"]
    speed, busy = figures["times_as_fast_as_real_time"], figures["processor_seconds_for_a_second"]
    follow, memory = figures["following_between_looks"], figures["memory"]
    names = {
        "default_interval": "five frames per second (the default)",
        "every_frame": "every frame",
        "every_frame_looking_everywhere": "every frame, `detect_every_s=0`",
    }
    where = (
        f"A video of {figures['size']} pixels with one face, {figures['frames_per_s']} fps, on "
        f"{describe_machine(result['machine'])}:"
    )
    between = (
        "Between detections in the whole picture, a face is searched near its expected position. "
        f"That takes {follow['detect_near_ms']:.1f} ms instead of {follow['detect_ms']:.1f} ms. "
        "The mean intersection over union with the box of a full detection is "
        f"{follow['mean_overlap_by_looking_near']:.2f}; extrapolating the motion alone gives "
        f"{follow['mean_overlap_by_motion']:.2f}."
    )
    how_much = (
        f"Reading a video of {memory['video_s'] // 60} minutes, one frame every "
        f"{memory['every_s']:g} s, used at most {memory['highest_mb']:.0f} MB of memory: "
        f"{memory['after_5_minutes_mb']:.0f} MB after five minutes and "
        f"{memory['at_the_end_mb']:.0f} MB at the end."
    )
    rows = [f"| {words} | {speed[name]:.1f} | {busy[name]:.2f} |" for name, words in names.items()]
    head = ["| analysed | speed relative to real time | CPU seconds per second of video |"]
    command = f"Command: `{result['command']}`"
    table = [*head, "|---|--:|--:|", *rows]
    return block([where, "", *table, "", between, "", how_much, "", command])
