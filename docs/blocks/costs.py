"""This module turns measurements of time and memory into tables of what things cost."""

from pathlib import Path

from blocks import BENCHMARKS, block, count_hours, read_epochs, read_evaluation, read_json
from mien.model.recognizer import NETWORKS


def write_cost() -> str:
    """Write what the models cost: time to read, time to learn."""
    speed = read_json(BENCHMARKS / "recognizer_speed.json")
    machine, told = speed["machine"], {name: speed["figures"][name] for name in NETWORKS}
    trainings = [_describe_training(name) for name in NETWORKS]
    measures = {
        "one face, one thread": [f"{f['one_face_one_thread_ms']:.1f} ms" for f in told.values()],
        "faces a second in a batch": [f"{f['recognizer_faces_per_s']:,.0f}" for f in told.values()],
        "as fast as torch, face by face": [f"{f['ratio']:.1f} times" for f in told.values()],
        "training": trainings,
    }
    where = (
        f"Times on {machine['cores']} cores of an {machine['processor']}: `{speed['command']}`; "
        "the trainings' are the sums of `benchmarks/accuracy/NAME-history.csv`, on the hardware "
        "that the recipes name; their teachers' trainings are not in it."
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
    """Write what searching photos at every quarter turn finds and costs."""
    measured = read_json(BENCHMARKS / "turned_photos.json")
    people, faceless = measured["figures"]["people"], measured["figures"]["faceless"]
    lines = [
        "| `rotated` | upright right | turned right | false faces | upright photo | no face |",
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
        "are of the processor, with one thread; tight face crops take "
        "longest, as the detector is least sure of them."
    )
    return block([*lines, "", where])


def _describe_training(name: str) -> str:
    """Say how long a model learnt, what it began with included."""
    epochs: list[dict[str, str]] = []
    while name:
        epochs += read_epochs(name)
        told = read_evaluation(name)["model"]["training"]["config"]
        name = Path(told.get("start", "")).parent.parent.name
    return f"{len(epochs)} epochs, {count_hours(epochs):.1f} h"


def write_page_speed() -> str:
    """Write what the page loads, and how often it reads a camera."""
    measured = read_json(BENCHMARKS / "page_speed.json")
    machine, chromium = measured["machine"], measured["figures"]["chromium"].split(".")[0]
    rows = [
        f"| {name} | {model['first_load']['brotli_mb']:.1f} MB | "
        f"{model['camera']['frames_per_s']:.0f} |"
        for name, model in measured["figures"]["models"].items()
    ]
    return block(
        [
            "| model | first load, compressed | readings a second |",
            "|---|---|---|",
            *rows,
            "",
            (
                f"One face from a camera of 640x480, in Chromium {chromium} on {machine['cores']} "
                f"cores ({machine['processor']}), drawn without a graphics card; detection and "
                "recognition have one thread. `benchmarks/page_speed.py` measures it."
            ),
        ]
    )


def write_many_files() -> str:
    """Write what a run over many photos was measured to do."""
    measured = read_json(BENCHMARKS / "many_files.json")
    found, machine = measured["figures"], measured["machine"]
    same = "the same" if found["same_table_after_kill"] else "another"
    pace = [found[f"photos_per_core_second_{part}_third"] for part in ("first", "last")]
    memory = [found[f"memory_{part}_third_mb"] for part in ("first", "last")]
    where = (
        f"On {machine['cores']} cores of an {machine['processor']} (`{measured['command']}`); the "
        "photos are cuts of the sample photo, one in fifty broken."
    )
    return block(
        [
            f"| {found['photos']:,} photos in one run | |",
            "|---|--:|",
            f"| photos a second | {found['photos_per_s']:.0f} |",
            f"| share of the cores kept busy | {found['share_of_cores_kept_busy']:.0%} |",
            f"| share of the cores it had | {found['share_of_cores_had']:.0%} |",
            f"| photos a second of a core, first and last third | {pace[0]:.0f}, {pace[1]:.0f} |",
            f"| memory, first and last third | {memory[0]}, {memory[1]} MB |",
            f"| killed in the middle and started again | {same} table |",
            "",
            where,
        ]
    )


def write_service() -> str:
    """Write what the service was measured to do."""
    result = read_json(BENCHMARKS / "serving_load.json")
    found, machine = result["figures"], result["machine"]
    where = (
        f"On {machine['cores']} cores ({machine['processor']}), which the service shares with its "
        f"clients. Pictures of 640 x 640, one face each. `{result['command']}`"
    )
    rows = {
        "clients at once": f"{found['clients']}",
        f"pictures answered in {found['seconds']:.0f} s": f"{found['answered']:,}",
        "answered 429": f"{found['refused']:,}",
        "other errors": f"{found['errors']:,}",
        "answers that differ from one at a time": f"{found['different']:,}",
        "pictures a second, over HTTP": f"{found['service_pictures_per_s']:.1f}",
        "pictures a second, same cores, without HTTP": f"{found['own_pictures_per_s']:.1f}",
        "ratio, median of the rounds (lowest, highest)": f"{found['ratio']:.2f} "
        f"({found['ratio_lowest']:.2f}, {found['ratio_highest']:.2f})",
        "processor time a picture, over HTTP": f"{found['service_cpu_ms_per_picture']:.1f} ms",
        "processor time a picture, without HTTP": f"{found['own_cpu_ms_per_picture']:.1f} ms",
        "an answer: median": f"{found['median_s']:.2f} s",
        "an answer: 99th percentile": f"{found['p99_s']:.2f} s",
        "a lone client's first request": f"{found['first_ms']:.0f} ms",
        "a lone client's hundredth request": f"{found['hundredth_ms']:.0f} ms",
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
    """Write how the service compares with a wrapper of another library."""
    result = read_json(BENCHMARKS / "serving_peers.json")
    found = result["figures"]
    lines = ["| | requests a second | right, of FER2013's test split |", "|---|--:|--:|"]
    for name, words in (("mien", "`mien serve`"), ("fer", f"`fer` {found['fer_version']}")):
        row = found[name]
        lines.append(f"| {words} | {row['requests_per_s']:.1f} | {row['accuracy_on_test']:.1%} |")
    return block([*lines, "", f"{found['clients']} clients at once. `{result['command']}`"])


def write_person_baseline() -> str:
    """Write what benchmarks/person_baseline.py measured."""
    result = read_json(BENCHMARKS / "person_baseline.json")
    rows = [
        f"| `{name}.zip` | {f['people']} | {f['faces']} | `{model}` | {100 * f['accuracy']:.1f} % "
        f"| {100 * f['accuracy_with_baseline']:.1f} % | {f['people_left_as_they_are']} |"
        for model, sets in result["figures"].items()
        for name, f in sets.items()
    ]
    where = (
        f"What `even` brings on two sets of posed faces that nothing was trained on: "
        f"`{result['command']}`."
    )
    head = [
        "| faces | people | pictures | model | as labelled | with the baseline | people refused |",
        "|---|--:|--:|---|--:|--:|--:|",
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
        f"How often the 95 % intervals of {figures['studies']:,} made studies hold the true "
        f"difference: `{result['command']}`."
    )
    head = [
        f"| differences are | {' | '.join(f'{size} participants' for size in sizes)} |",
        f"|---|{'--:|' * len(sizes)}",
    ]
    return block([where, "", *head, *rows])


def write_live_speed() -> str:
    """Write what benchmarks/live_speed.py measured."""
    result = read_json(BENCHMARKS / "live_speed.json")
    figures, soak = result["figures"], result["figures"]["soak"]
    marks = soak["resident_mb_at_each_tenth"]
    rows = [
        f"| `{name}` | {figures[name]['p50_ms']:.0f} ms | {figures[name]['p95_ms']:.0f} ms "
        f"| {figures[name]['frames_a_second']:.0f} |"
        for name in ("fast", "accurate")
    ]
    where = (
        f"Frames of {figures['size']} pixels with one moving face, processor time on one core of "
        f"an {result['machine']['processor']}: `{result['command']}`. The slower frames are those "
        "in which the whole picture is looked at."
    )
    memory = (
        f"Over {soak['frames']:,} frames of a looped clip ({soak['clip_s'] / 60:.0f} minutes at 30 "
        f"a second), the process held {marks[0]:.0f} MB after the first tenth and {marks[-1]:.0f} "
        "MB at the end."
    )
    head = ["| model | median | 95 % are under | frames a second |", "|---|--:|--:|--:|"]
    return block([where, "", *head, *rows, "", memory])


def write_video_speed() -> str:
    """Write what benchmarks/video_speed.py measured."""
    result = read_json(BENCHMARKS / "video_speed.json")
    figures = result["figures"]
    speed, busy = figures["times_as_fast_as_real_time"], figures["processor_seconds_for_a_second"]
    follow, memory = figures["following_between_looks"], figures["memory"]
    names = {
        "default_interval": "five frames a second (the default)",
        "every_frame": "every frame",
        "every_frame_looking_everywhere": "every frame, `detect_every_s=0`",
    }
    where = (
        f"A video of {figures['size']} pixels with one face, {figures['frames_per_s']} frames a "
        f"second, on {result['machine']['cores']} cores ({result['machine']['processor']}):"
    )
    between = (
        "Between looks at the whole picture, a face is looked for near where it is expected: that "
        f"takes {follow['detect_near_ms']:.1f} ms in place of {follow['detect_ms']:.1f} ms, and "
        "its box overlaps with what a full look gives by "
        f"{follow['mean_overlap_by_looking_near']:.2f} in the mean (intersection over union), "
        f"where motion alone would give {follow['mean_overlap_by_motion']:.2f}."
    )
    how_much = (
        f"Reading a video of {memory['video_s'] // 60} minutes, a frame every "
        f"{memory['every_s']:g} s, took at most {memory['highest_mb']:.0f} MB of memory: "
        f"{memory['after_5_minutes_mb']:.0f} MB after five minutes of it and "
        f"{memory['at_the_end_mb']:.0f} MB at its end."
    )
    rows = [f"| {words} | {speed[name]:.1f} | {busy[name]:.2f} |" for name, words in names.items()]
    head = ["| analysed | times as fast as real time | processor seconds for a second of video |"]
    command = f"Command: `{result['command']}`"
    table = [*head, "|---|--:|--:|", *rows]
    return block([where, "", *table, "", between, "", how_much, "", command])
