"""Reading GPUs: through NVIDIA's library, or with a reason why there are none."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from profiling.gpureading import Gpu
from profiling.gpus import read


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
        "nvmlDeviceGetPowerUsage": silent,
        "nvmlDeviceGetEnforcedPowerLimit": silent,
        "nvmlDeviceGetTemperature": silent,
        "NVML_TEMPERATURE_GPU": 0,
    }
    return SimpleNamespace(**usual | parts)


def raises(*_: Any) -> Any:
    raise NVMLError("Driver Not Loaded")


def test_reads_the_memory_of_each_gpu() -> None:
    assert read(nvml()).gpus == (Gpu("GPU-0", "RTX", 3 << 30, 24 << 30, None),)


def test_reads_how_busy_a_gpu_is_where_it_says_so() -> None:
    busy = nvml(nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=40))
    assert read(busy).gpus[0].busy_percent == 40


def test_reads_power_and_temperature_where_it_says_so() -> None:
    told = {"nvmlDeviceGetPowerUsage": 118_400, "nvmlDeviceGetEnforcedPowerLimit": 450_000}
    hot = nvml(nvmlDeviceGetTemperature=lambda *_: 51, **{name: lambda _, v=value: v for name, value in told.items()})
    (gpu,) = read(hot).gpus
    assert (gpu.power_w, gpu.power_limit_w, gpu.temperature_c) == (118.4, 450.0, 51)


def test_says_why_there_is_none(tmp_path: Path) -> None:
    for broken in (nvml(nvmlInit=raises), nvml(nvmlDeviceGetCount=raises)):
        seen = read(broken, tmp_path)
        assert seen.gpus == () and "Driver Not Loaded" in seen.reason and str(tmp_path) in seen.reason


def amd(cards: Path, number: int, **files: str) -> Path:
    """A card as the kernel shows it; a name with `__` is one of its sensors."""
    device = cards / f"card{number}" / "device"
    usual = {"vendor": "0x1002", "mem_info_vram_total": str(16 << 30), "mem_info_vram_used": str(5 << 30)}
    for name, text in (usual | files).items():
        file = device / name.replace("hwmon__", "hwmon/hwmon3/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return device


def test_reads_what_linux_says_of_amd(tmp_path: Path) -> None:
    amd(
        tmp_path, 1, unique_id="5f0a", product_name="RX 7800", gpu_busy_percent="37", hwmon__power1_average="91000000",
        hwmon__power1_cap="263000000", hwmon__temp1_input="48500",
    )  # fmt: skip
    amd(tmp_path, 2, mem_info_vram_used="?")
    amd(tmp_path, 3, vendor="0x8086")
    seen = read(nvml(nvmlInit=raises), tmp_path)
    assert seen.gpus == (Gpu("5f0a", "RX 7800", 5 << 30, 16 << 30, 37, 91.0, 263.0, 48.5),) and seen.reason == ""
    amd(tmp_path, 2)
    assert read(nvml(), tmp_path).gpus[-1] == Gpu("device", "AMD GPU", 5 << 30, 16 << 30)
