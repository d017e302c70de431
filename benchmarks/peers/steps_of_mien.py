"""Take training steps in PyTorch as `mien train` takes them, for benchmarks/training_peers.py.

Command: python steps_of_mien.py MODEL KIND THREADS BATCH. MODEL is a `ModelConfig` in JSON; KIND is
`float32`, `bfloat16`, or one of them with `-compiled` or `-trimming`. Each line of the input is a
number of steps, which is answered with their wall seconds and processor seconds.
"""

import json
import sys
import time

import torch
from torch.nn import functional

from mien.training.compiler import compile_network
from mien.training.config import ModelConfig
from mien.training.memory import keep_freed_memory
from mien.training.model import CnnLstm

model, kind, threads, batch = sys.argv[1:]
if not kind.endswith("-trimming"):
    keep_freed_memory()
torch.set_num_threads(int(threads))
torch.manual_seed(1)
net = CnnLstm(ModelConfig(**json.loads(model)), 7)
net.to(memory_format=torch.channels_last)
answer = compile_network(net) if kind.endswith("-compiled") else net.answer
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
faces = torch.rand(int(batch), 1, 48, 48).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 7, (int(batch),))


def take_step() -> None:
    """Forward, loss, backward and optimizer."""
    with torch.autocast("cpu", torch.bfloat16, enabled=kind.startswith("bfloat16")):
        (logits,) = answer(faces)
    functional.cross_entropy(logits.float(), labels).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


parameters = sum(parameter.numel() for parameter in net.parameters())
print(json.dumps({"parameters": parameters}), flush=True)
for line in sys.stdin:
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        take_step()
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]), flush=True)
