"""Open ONNX models with onnxruntime.

It is the only place that opens an onnxruntime session, and imports onnxruntime with the first one:
`import mien` stays free of it.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError, ModelError, describe_error

MAX_DEFAULT_THREADS = 8
"""Small networks stop gaining here, even on machines with many more cores."""


class Tensor(Protocol):
    """What a session says of one of its inputs or outputs."""

    name: str
    shape: Sequence[int | str | None]


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that mien uses; `run` may be called by threads."""

    def get_inputs(self) -> Sequence[Tensor]:
        """Describe the inputs."""
        ...

    def get_outputs(self) -> Sequence[Tensor]:
        """Describe the outputs."""
        ...

    def run(
        self, output_names: Sequence[str], inputs: Mapping[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Run the model."""
        ...


def default_threads() -> int:
    """Count the cores this process may use, up to `MAX_DEFAULT_THREADS`."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_DEFAULT_THREADS)
    return min(os.cpu_count() or 1, MAX_DEFAULT_THREADS)


def open_session(model: bytes, *, name: str, threads: int | None = None) -> Session:
    """Open a session on the CPU.

    Args:
        model: An ONNX file's bytes.
        name: The file's name, for the message.
        threads: Threads one `run` may use; None takes the cores at hand, at most
            `MAX_DEFAULT_THREADS`.

    Raises:
        ConfigError: `threads` is under 1.
        ModelError: onnxruntime cannot read the model.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be 1 or more, got {threads}; leave it out for all cores")
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = default_threads() if threads is None else threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors reach the caller as exceptions; warnings help nobody
    # Idle threads that spin steal time from the decoder and from other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(
            f"{name} is not an ONNX model that onnxruntime {onnxruntime.__version__} can run "
            f"({describe_error(error)}); export or install it afresh"
        ) from error
    return cast(Session, session)
