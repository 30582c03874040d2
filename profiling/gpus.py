"""What are this machine's GPUs doing? NVIDIA's own library says; where it is missing, there are none to see."""

import warnings
from typing import Any

from msgspec import Struct

with warnings.catch_warnings():
    # `pynvml` and `nvidia-ml-py` ship the same module, and the former announces its retirement at every import.
    warnings.simplefilter("ignore", FutureWarning)
    import pynvml


class Gpu(Struct, frozen=True):
    """One GPU at this moment. Memory in bytes; None is unknown."""

    uuid: str
    name: str
    used_bytes: int
    total_bytes: int
    busy_percent: int | None = None


class Gpus(Struct, frozen=True):
    """What was seen, and where nothing was, why."""

    gpus: tuple[Gpu, ...] = ()
    reason: str = ""


def read(nvml: Any = pynvml) -> Gpus:
    """Read every GPU once; `reason` says why there are none."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as exc:
        return Gpus(reason=f"no NVIDIA GPU is visible here ({exc})")
    try:
        return Gpus(tuple(_read_one(nvml, number) for number in range(nvml.nvmlDeviceGetCount())))
    except nvml.NVMLError as exc:
        return Gpus(reason=f"the NVIDIA driver does not answer ({exc})")
    finally:
        nvml.nvmlShutdown()


def _read_one(nvml: Any, number: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(number)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        uuid=str(nvml.nvmlDeviceGetUUID(handle)),
        name=str(nvml.nvmlDeviceGetName(handle)),
        used_bytes=int(memory.used),
        total_bytes=int(memory.total),
        busy_percent=_busy_percent(nvml, handle),
    )


def _busy_percent(nvml: Any, handle: Any) -> int | None:
    try:
        return int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError:  # virtual GPUs do not say
        return None
