"""What do this machine's AMD GPUs say? Linux tells it in files: https://docs.kernel.org/gpu/amdgpu/driver-misc.html"""

from pathlib import Path
from typing import Final

from profiling.gpureading import Gpu

CARDS: Final = Path("/sys/class/drm")
AMD: Final = "0x1002"


def read_amd(cards: Path = CARDS) -> tuple[Gpu, ...]:
    """Each GPU of AMD that tells its memory; empty where there is none. Raises nothing."""
    found = (_read_one(card.parent) for card in sorted(cards.glob("card[0-9]*/device/mem_info_vram_total")))
    return tuple(gpu for gpu in found if gpu is not None)


def _read_one(device: Path) -> Gpu | None:
    total, used = _number(device / "mem_info_vram_total"), _number(device / "mem_info_vram_used")
    if total is None or used is None or _text(device / "vendor") not in (AMD, ""):
        return None
    sensors = next(iter(sorted(device.glob("hwmon/hwmon*"))), device / "hwmon")
    power_uw = _number(sensors / "power1_average") or _number(sensors / "power1_input")
    return Gpu(
        uuid=_text(device / "unique_id") or device.resolve().name,
        name=_text(device / "product_name") or "AMD GPU",
        used_bytes=used,
        total_bytes=total,
        busy_percent=_number(device / "gpu_busy_percent"),
        power_w=_scaled(power_uw, 1e6),
        power_limit_w=_scaled(_number(sensors / "power1_cap"), 1e6),
        temperature_c=_scaled(_number(sensors / "temp1_input"), 1e3),
    )


def _scaled(value: int | None, per_unit: float) -> float | None:
    return None if value is None else value / per_unit


def _number(file: Path) -> int | None:
    text = _text(file)
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    """What a file of the kernel says; empty where there is none, or the sensor sleeps."""
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
