"""Several processes train as one would with the batches of all of them."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import torch
from torch import nn

from drawn_faces import drawn_dataset, drawn_split
from mien.training.batches import make_loader
from mien.training.checkpoint import SafetensorsIO
from mien.training.config import AugmentConfig, Stage, TrainConfig
from mien.training.fit import LAST, fit
from mien.training.joint_norm import JointNorm, normalize_jointly
from mien.training.recipes import read_config
from ray_nodes import find_port

pytestmark = pytest.mark.usefixtures("one_thread")

DATA = {"per_class": 5, "validation": 3}
"""35 faces to train on, 21 to validate on: neither number is even."""
STILL = AugmentConfig(**dict.fromkeys(vars(AugmentConfig()), 0.0) | {"horizontal_flip": False})
CONFIG = replace(read_config("smoke"), augment=STILL, stages=(Stage(40, 2), Stage(48, 2)))

PROCESS = """
import sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from pathlib import Path
from drawn_faces import drawn_dataset
from mien.training.fit import fit
from mien.training.module import TrainingModule
from mien.training.recipes import read_config

recipe, folder, devices, nodes, stop = sys.argv[1:]
if stop == "die":
    start = TrainingModule.on_train_epoch_start
    def die(self):
        if self.current_epoch == 2 and self.global_rank == 1:
            import os
            os.kill(os.getpid(), 9)
        start(self)
    TrainingModule.on_train_epoch_start = die
several = {"devices": int(devices), "nodes": int(nodes)}
config, data = read_config(Path(recipe)), drawn_dataset(**{data!r})
fit(config, data, Path(folder), resume=True, **several)
""".replace("{tests!r}", repr(str(Path(__file__).parents[1]))).replace("{data!r}", repr(DATA))

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--nnodes=1"]


def write_program(folder: Path, config: TrainConfig) -> list[str]:
    """Write the program of one process and its recipe; return their paths."""
    program, recipe = folder / "process.py", folder / "recipe.toml"
    program.write_text(PROCESS)
    recipe.write_text(config.to_toml(), encoding="utf-8")
    return [str(program), str(recipe)]


def environment(**own: str) -> dict[str, str]:
    """The environment of a process that talks to the others over loopback."""
    return os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", **own}


def run_nodes(folder: Path, config: TrainConfig) -> None:
    """Train as two machines of one process each, as docs/train.md starts them."""
    program, port = write_program(folder, config), str(find_port())
    started = [
        subprocess.Popen(
            [sys.executable, *program, str(folder / f"node{rank}"), "1", "2", "on"],
            env=environment(MASTER_ADDR="127.0.0.1", MASTER_PORT=port, NODE_RANK=str(rank)),
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    for process in started:
        told = process.communicate(timeout=1800)[1]
        assert process.returncode == 0, told.decode()


def torchrun(folder: Path, config: TrainConfig, name: str, stop: str = "on") -> int:
    """Train with two processes of torchrun; return its exit code."""
    program = write_program(folder, config)
    where = ["--master-addr=127.0.0.1", f"--master-port={find_port()}"]
    command = [*TORCHRUN, *where, *program, str(folder / name), "2", "1", stop]
    return subprocess.run(command, env=environment(), capture_output=True, check=False).returncode


def read_history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.enable_socket
def test_two_machines_learn_as_one_with_their_joint_batch(tmp_path: Path) -> None:
    run_nodes(tmp_path, CONFIG)
    joint = replace(CONFIG, batch_size=2 * CONFIG.batch_size)
    fit(joint, drawn_dataset(**DATA), tmp_path / "one")

    several, one = read_history(tmp_path / "node0"), read_history(tmp_path / "one")
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        curves = [[row[name] for row in rows] for rows in (several, one)]
        assert curves[0] == pytest.approx(curves[1], abs=2e-3), name

    # The first process writes, the other does not.
    assert (tmp_path / "node0" / LAST).exists()
    assert {path.name for path in (tmp_path / "node1").iterdir()} <= {".lock"}


@pytest.mark.slow
@pytest.mark.enable_socket
def test_after_one_process_is_killed_the_run_goes_on(tmp_path: Path) -> None:
    config = replace(CONFIG, stages=(Stage(48, 3),))
    assert torchrun(tmp_path, config, "whole") == 0
    assert torchrun(tmp_path, config, "killed", "die") != 0
    assert len(read_history(tmp_path / "killed")) == 2
    assert torchrun(tmp_path, config, "killed") == 0

    weights = [
        SafetensorsIO().load_checkpoint(tmp_path / name / LAST)["state_dict"]
        for name in ("whole", "killed")
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.parametrize("faces", [35, 36, 64])
@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_faces_without_overlap(faces: int, world_size: int) -> None:
    split = drawn_split("train", 10, seed=1).take(np.arange(faces))
    targets = np.arange(faces, dtype=np.float32)[:, None, None]  # their numbers

    def draw(*, shuffle: bool, epoch: int) -> list[list[int]]:
        seen = []
        for rank in range(world_size):
            loader = make_loader(
                split, targets, 4, seed=1, shuffle=shuffle, world_size=world_size, rank=rank
            )
            if shuffle:
                loader.sampler.set_epoch(epoch)
            seen.append([int(n) for _, _, numbers in loader for n in numbers.flatten()])
        return seen

    for epoch in range(3):
        drawn = [number for share in draw(shuffle=True, epoch=epoch) for number in share]
        assert len(drawn) == len(set(drawn)) == faces // (4 * world_size) * 4 * world_size
    read = [number for share in draw(shuffle=False, epoch=0) for number in share]
    assert sorted(read) == list(range(faces))  # validation counts each face once


def test_in_one_process_joint_normalization_is_the_plain_one() -> None:
    plain = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    other = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    other.load_state_dict(plain.state_dict())
    plain[1].requires_grad_(False).eval()
    other[1].requires_grad_(False).eval()
    normalize_jointly(other)
    assert type(other[1]) is JointNorm
    assert not other[1].training
    assert not other[1].weight.requires_grad
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(plain.train()(x), other.train()(x))
    assert torch.equal(plain.eval()(x), other.eval()(x))
