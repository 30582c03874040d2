"""Reading GPUs: through NVIDIA's library, or with a reason why there are none."""

from types import SimpleNamespace
from typing import Any

from profiling.gpus import Gpu, read


class NVMLError(Exception):
    pass


def nvml(**parts: Any) -> Any:
    """A driver with one GPU that says no utilisation; `parts` replace its functions."""

    def silent(*_: Any) -> Any:
        raise NVMLError("Not Supported")

    usual = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=3 << 30, total=24 << 30),
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetName": lambda handle: "RTX",
        "nvmlDeviceGetUtilizationRates": silent,
    }
    return SimpleNamespace(**usual | parts)


def raises(*_: Any) -> Any:
    raise NVMLError("Driver Not Loaded")


def test_reads_the_memory_of_each_gpu() -> None:
    assert read(nvml()).gpus == (Gpu("GPU-0", "RTX", 3 << 30, 24 << 30, None),)


def test_reads_how_busy_a_gpu_is_where_it_says_so() -> None:
    busy = nvml(nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=40))
    assert read(busy).gpus[0].busy_percent == 40


def test_says_why_there_is_none() -> None:
    for broken in (nvml(nvmlInit=raises), nvml(nvmlDeviceGetCount=raises)):
        seen = read(broken)
        assert seen.gpus == () and "Driver Not Loaded" in seen.reason
