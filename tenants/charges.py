"""What does a request take from a budget? Journalled with its outcome, settled by the shipper."""

from msgspec import Struct


class Charge(Struct, array_like=True, omit_defaults=True):
    """`amount` (nano-dollars, or tokens) of the window of a budget that began at `start`.

    While an attempt runs it is the worst case, afterwards what it really cost. `lease` names the worker whose lease
    covers it; None: a budget that only alerts needs none.
    """

    budget_id: int
    start: int
    unit: str
    amount: int
    lease: str | None = None
    attempt: int = 0  # whose index it is
