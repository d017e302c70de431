"""Open ONNX models with onnxruntime.

This is the only module that opens onnxruntime sessions. It imports onnxruntime with the first one,
so that `import mien` does not.
"""

import logging
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from mien.devices import DEFAULT, Device, choose_devices
from mien.errors import ConfigError, ModelError, describe_error, is_program_fault

_LOG = logging.getLogger("mien.sessions")
MAX_DEFAULT_THREADS = 8
"""Small networks do not gain from more threads."""


class Tensor(Protocol):
    """An input or output of a session."""

    name: str
    shape: Sequence[int | str | None]


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that mien uses; `run` is thread-safe."""

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
    """Return the number of available cores, at most `MAX_DEFAULT_THREADS`."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_DEFAULT_THREADS)
    return min(os.cpu_count() or 1, MAX_DEFAULT_THREADS)


def open_session(
    model: bytes, *, name: str, threads: int | None = None, device: str = DEFAULT
) -> Session:
    """Open a session on a device.

    Args:
        model: ONNX file bytes.
        name: Display name in messages.
        threads: Maximum number of threads of one `run`; None uses all available cores, at most
            `MAX_DEFAULT_THREADS`.
        device: One of `mien.devices.DeviceName`. A network that the device cannot run completely
            runs on the CPU, with a warning.

    Raises:
        ConfigError: `threads` is under 1, or the device does not exist or cannot be started.
        MissingExtraError: The installed onnxruntime does not support the device.
        ModelError: onnxruntime cannot read the model.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be 1 or more, got {threads}; leave it out for all cores")
    threads = default_threads() if threads is None else threads

    # The first device that can run the network is used; the CPU always can.
    for chosen in choose_devices(device):
        try:
            session = _open_on(chosen, model, name, threads)
        except ModelError as error:
            if chosen.name == DEFAULT:
                raise
            on_cpu = open_session(model, name=name, threads=threads)
            if device != "auto":
                warnings.warn(f"{name} runs on the CPU: {device} cannot run it", stacklevel=2)
                _LOG.info("%s", error)
            return on_cpu
        if chosen.provider in session.get_providers():
            return cast(Session, session if chosen.is_parallel else _OneAtATime(session))

    raise ConfigError(
        f"device {device!r} is installed but cannot be started: onnxruntime fell back to the "
        "CPU; check its driver and libraries, or use device='cpu'"
    )


def _open_on(device: Device, model: bytes, name: str, threads: int) -> Any:  # noqa: ANN401
    """Open a session on one device; onnxruntime falls back to the CPU if it cannot be started.

    Raises:
        ModelError: onnxruntime cannot read the model.
    """
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors are raised anyway, and warnings are not useful
    if device.name != DEFAULT:
        options.log_severity_level = 4  # `open_session` reports the fallback itself
    if device.name == "directml":
        options.enable_mem_pattern = False  # as its documentation requires
    # Idle threads that spin steal time from the decoder and from other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    own = dict(device.options)
    if device.name == "openvino":
        own |= {"device_type": "CPU", "num_of_threads": str(threads)}
    providers: list[Any] = [(device.provider, own)] if own else [device.provider]
    if device.name != DEFAULT:
        providers.append("CPUExecutionProvider")  # for operators that the device lacks
    try:
        return onnxruntime.InferenceSession(model, sess_options=options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no public base class
        if is_program_fault(error):
            raise
        raise ModelError(
            f"{name} is not an ONNX model that onnxruntime {onnxruntime.__version__} can run "
            f"({describe_error(error)}); export or install it again"
        ) from error


class _OneAtATime:
    """A session that only one thread may run at a time."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401
        self._session = session
        self._lock = threading.Lock()

    def get_inputs(self) -> Sequence[Tensor]:
        return cast(Sequence[Tensor], self._session.get_inputs())

    def get_outputs(self) -> Sequence[Tensor]:
        return cast(Sequence[Tensor], self._session.get_outputs())

    def run(
        self, output_names: Sequence[str], inputs: Mapping[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        with self._lock:
            return cast(list[NDArray[np.float32]], self._session.run(output_names, inputs))
