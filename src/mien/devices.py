"""Choose the device that networks run on, from those that the installed onnxruntime supports.

Each device is one of onnxruntime's execution providers. The wheel `onnxruntime` supports the CPU
(and CoreML on macOS); other wheels that replace it support further devices.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from mien.errors import ConfigError, MissingExtraError

DeviceName: TypeAlias = Literal["auto", "cpu", "cuda", "tensorrt", "coreml", "directml", "openvino"]
DEFAULT: Final = "cpu"


@dataclass(frozen=True)
class Device:
    """One kind of device.

    Attributes:
        name: Name in mien.
        provider: Name of onnxruntime's execution provider.
        package: Package to install for it.
        options: Provider options for the same results as on the CPU.
        is_parallel: Whether several threads may run one session.
    """

    name: str
    provider: str
    package: str
    options: tuple[tuple[str, str], ...] = ()
    is_parallel: bool = True


_CUDA: Final = (("use_tf32", "0"), ("cudnn_conv_algo_search", "HEURISTIC"))
DEVICES: Final = (
    Device("cuda", "CUDAExecutionProvider", "onnxruntime-gpu", _CUDA),
    Device("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu", (("trt_fp16_enable", "0"),)),
    Device("coreml", "CoreMLExecutionProvider", "onnxruntime on macOS"),
    Device("directml", "DmlExecutionProvider", "onnxruntime-directml", is_parallel=False),
    Device("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
    Device("cpu", "CPUExecutionProvider", "onnxruntime"),
)
_FOR_AUTO: Final = ("cuda", "directml", "cpu")
"""Preference of "auto": devices that start quickly and are worthwhile."""


def list_devices() -> dict[str, bool]:
    """Return every device's name, and whether the installed onnxruntime can use it."""
    there = _available()
    return {device.name: device.provider in there for device in DEVICES}


def choose_devices(name: str) -> tuple[Device, ...]:
    """Return the devices to try for a name, the best first.

    Args:
        name: One of `DeviceName`.

    Raises:
        ConfigError: There is no such device.
        MissingExtraError: The installed onnxruntime does not support it.
    """
    if name not in get_args(DeviceName):
        raise ConfigError(f"device must be {', '.join(get_args(DeviceName))}, got {name!r}")
    by_name = {device.name: device for device in DEVICES}
    there = list_devices()
    if name == "auto":
        return tuple(by_name[one] for one in _FOR_AUTO if there[one])

    device = by_name[name]
    if not there[name]:
        usable = ", ".join(one for one, is_there in there.items() if is_there)
        raise MissingExtraError(
            f"device {name!r} requires {device.package} instead of the installed onnxruntime, "
            f"which supports only {usable}: pip uninstall onnxruntime, then pip install "
            f"{device.package}"
        )
    return (device,)


def _available() -> list[str]:
    import onnxruntime

    found: Any = onnxruntime.get_available_providers()
    return list(found)
