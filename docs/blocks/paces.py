"""Write the measured paces of the data loader, a cluster, and a service with many clients."""

import statistics
from typing import Any

from blocks import BENCHMARKS, block, read_json


def describe_machine(machine: dict[str, Any]) -> str:
    """Describe the cores of a measurement, with their instruction sets where they are known."""
    sets = machine.get("instruction_sets")
    return f"{machine['cores']} cores of an {machine['processor']}" + (
        f" ({', '.join(sets)})" if sets else ""
    )


def write_loader_speed() -> str:
    """Write how the data loader and augmentation compare with training steps."""
    measured = read_json(BENCHMARKS / "loader_speed.json")
    found, machine = measured["figures"], measured["machine"]
    loader, augmentation = found["loader_over_training"], found["augmentation_over_training"]
    sentence = (
        f"The data loader prepares {found['faces_per_processor_s']['loader']:,} faces per "
        f"second of processor time: {loader['accurate']:,} times as many as a training step of "
        f"`accurate` uses, and {loader['fast']:,} times as many as one of `fast`. Augmentation "
        f"runs on the training device, at {augmentation['accurate']:.0f} and "
        f"{augmentation['fast']:.0f} times the pace of these steps. On "
        f"{describe_machine(machine)}, with other load: `{measured['command']}`."
    )
    return block([sentence])


def write_cluster_speed() -> str:
    """Write how the rows and the pace of a Ray cluster compare with those of one machine."""
    measured = read_json(BENCHMARKS / "cluster_speed.json")
    found = measured["figures"]
    same = "the same as" if found["same_rows"] else "different from"
    sentence = (
        f"The {found['rows']:,} rows of {found['photos']:,} photos, read by a cluster of a head "
        f"and {found['nodes']} nodes on one machine, were {same} those of a local run. Per second "
        f"of processor time, the processes that read reached {found['actors_over_local']:.2f} of "
        f"the photos of the local run, and all of Ray {found['all_of_ray_over_local']:.2f}: "
        "starting the cluster and its bookkeeping are part of this, and weigh less the longer a "
        f"run is. On {describe_machine(measured['machine'])}: `{measured['command']}`."
    )
    return block([sentence])


def write_million_photos() -> str:
    """Write what a million photos cost, from the pace of the local run next to the cluster's."""
    measured = read_json(BENCHMARKS / "cluster_speed.json")
    pace = measured["figures"]["local_photos_per_processor_s"]
    core_hours = 1e6 / pace / 3600
    cost = (
        f"At {pace:.0f} photos a core-second (`{measured['command']}`, "
        f"{describe_machine(measured['machine'])}), a million photos of 400 to 1,280 pixels take "
        f"{core_hours:.1f} core-hours: {60 * core_hours / 64:.0f} minutes of 64 cores, or "
        f"{core_hours:.1f} times the price of a core-hour. Ray's own work comes on top."
    )
    return block([cost])


def write_crowd() -> str:
    """Write what many clients that pause between their requests get from the service."""
    measured = read_json(BENCHMARKS / "serving_crowd.json")
    found = measured["figures"]
    rows = {
        "clients": f"{found['clients']}",
        "pause between requests, mean": f"{found['think_s']:.0f} s",
        f"pictures answered in {found['seconds']:.0f} s": f"{found['answered']:,}",
        "answered with 429, and sent again": f"{found['refused']:,}",
        "errors": f"{found['errors']:,}",
        "results that differ from reading one at a time": f"{found['different']:,}",
        "pictures per second": f"{found['pictures_per_s']:.1f}",
        "cores that the service used": f"{found['cores_used']:.2f}",
        "CPU time per picture": f"{found['cpu_ms_per_picture']:.1f} ms",
        "latency, median": f"{found['median_s']:.2f} s",
        "latency, 99th percentile": f"{found['p99_s']:.2f} s",
        "longest": f"{found['longest_s']:.2f} s",
        "memory at the end": f"{found['memory_mb']:.0f} MB",
    }
    asked = found["clients"] / found["think_s"]
    share = found["refused"] / (found["answered"] + found["refused"])
    where = (
        f"The clients ask for up to {asked:.0f} pictures per second. {share:.0%} of their requests "
        "found the queue full. "
        f"On {describe_machine(measured['machine'])}, shared by the service and its clients: "
        f"`{measured['command']}`."
    )
    table = [f"| {what} | {value} |" for what, value in rows.items()]
    return block(["| | |", "|---|--:|", *table, "", where])


def write_training_peers() -> str:
    """Write how long a training step takes, compared with the same network in Keras."""
    measured = read_json(BENCHMARKS / "training_peers.json")
    found, machine = measured["figures"], measured["machine"]
    rows = [
        (
            "| network, precision, instruction sets, cores | Keras | Keras, XLA | mien "
            "| mien, compiled | Keras / mien | in processor time |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for network in found["networks"].values():
        for setting in network["settings"]:
            several = len(setting["instruction_sets"]) > 1
            sets = "all" if several else setting["instruction_sets"][0]
            for precision in ("float32", "bfloat16"):
                if f"mien-{precision}" in setting["ms"]:
                    name = f"{network['macs'] / 1e6:.0f} million MACs, {precision}, {sets}"
                    rows.append(f"| {name}, {setting['threads']} {_compare(setting, precision)} |")

    empty = " Empty cells were not measured." if any("|  |" in row for row in rows) else ""
    versions = found["versions"]
    saved = [100 * share for network in found["networks"].values() for share in _save(network)]
    where = (
        f"Milliseconds for a step with {found['batch_size']} faces of 48 px: forward, loss, "
        f"backward and AdamW. Keras {versions['keras']} on TensorFlow "
        f"{versions['tensorflow-cpu']}, PyTorch {measured['versions']['torch']}; the faster of "
        f"both columns is compared.{empty} On Linux with glibc, "
        f"`mien train` keeps freed memory until it ends, which saves "
        f"{statistics.median(saved):.0f} % of a step's processor time (median over these rows, "
        f"{min(saved):.0f} to {max(saved):.0f} %). On {describe_machine(machine)}: "
        f"`{measured['command']}`."
    )
    return block([*rows, "", where])


def _save(network: dict[str, Any]) -> list[float]:
    """Return the shares of a step's processor time that kept memory saves, 0 to 1."""
    return [
        1 - taken[f"mien-{precision}"] / taken[f"mien-{precision}-trimming"]
        for taken in (setting["processor_ms"] for setting in network["settings"])
        for precision in ("float32", "bfloat16")
        if f"mien-{precision}" in taken
    ]


def _compare(setting: dict[str, Any], precision: str) -> str:
    """Return the cells of one precision."""
    suffix = "" if precision == "float32" else f"-{precision}"
    keras = [f"keras-graph{suffix}", f"keras-xla{suffix}"]
    mien = [f"mien-{precision}", f"mien-{precision}-compiled"]
    ms = setting["ms"]  # a run may have left out some of them
    cells = [f"{ms[name]:,.0f}" if name in ms else "" for name in (*keras, *mien)]
    fastest = [min((n for n in names if n in ms), key=ms.__getitem__) for names in (keras, mien)]
    for kind in ("ms", "processor_ms"):
        peer, own = (setting[kind][name] for name in fastest)
        cells.append(f"{peer / own:.1f}")
    return "| " + " | ".join(cells)
