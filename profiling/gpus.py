"""What are this machine's GPUs doing? NVIDIA's own library says, and Linux says of AMD's; else there are none."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from profiling.amdgpu import CARDS, read_amd
from profiling.gpureading import Gpu, Gpus

with warnings.catch_warnings():
    # `pynvml` and `nvidia-ml-py` ship the same module, and the former announces its retirement at every import.
    warnings.simplefilter("ignore", FutureWarning)
    import pynvml


def read(nvml: Any = pynvml, cards: Path = CARDS) -> Gpus:
    """Read every GPU once; `reason` says why there are none."""
    seen, amd = _read_nvidia(nvml), read_amd(cards)
    if amd:
        return Gpus(seen.gpus + amd)
    return seen if seen.gpus else Gpus(reason=f"{seen.reason}; no AMD GPU tells its memory in {cards}")


def _read_nvidia(nvml: Any) -> Gpus:
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
    power_mw = _told(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    limit_mw = _told(nvml, lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle))
    return Gpu(
        uuid=str(nvml.nvmlDeviceGetUUID(handle)),
        name=str(nvml.nvmlDeviceGetName(handle)),
        used_bytes=int(memory.used),
        total_bytes=int(memory.total),
        busy_percent=_told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        power_w=None if power_mw is None else power_mw / 1000,
        power_limit_w=None if limit_mw is None else limit_mw / 1000,
        temperature_c=_told(nvml, lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
    )


def _told(nvml: Any, ask: Callable[[], Any]) -> int | None:
    """What virtual GPUs and older ones do not say is None."""
    try:
        return int(ask())
    except nvml.NVMLError:
        return None
