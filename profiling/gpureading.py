"""What is a reading of GPUs, whoever tells it?"""

from msgspec import Struct


class Gpu(Struct, frozen=True):
    """One GPU at this moment. Memory in bytes, power in watts, temperature in degrees Celsius; None is not told."""

    uuid: str
    name: str
    used_bytes: int
    total_bytes: int
    busy_percent: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None


class Gpus(Struct, frozen=True):
    """What was seen, and where nothing was, why."""

    gpus: tuple[Gpu, ...] = ()
    reason: str = ""
