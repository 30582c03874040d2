"""How much of two kinds happened in the last so many seconds? A ring of buckets: constant time, constant memory."""


class Window:
    """Counts good and bad things; what is older than `span_s` is forgotten, a bucket at a time."""

    __slots__ = ("_bads", "_goods", "_slot", "_width_s", "bad", "good")

    def __init__(self, span_s: float, buckets: int = 10) -> None:
        self._width_s = span_s / buckets
        self._goods, self._bads = [0] * buckets, [0] * buckets
        self._slot = 0  # of the newest bucket, counted from the clock's zero
        self.good = self.bad = 0  # in the window, as of the last call

    def add(self, now: float, good: int = 0, bad: int = 0) -> None:
        """Count; `now` never goes back."""
        if int(now / self._width_s) != self._slot:
            self.turn(now)
        index = self._slot % len(self._goods)
        self._goods[index] += good
        self._bads[index] += bad
        self.good += good
        self.bad += bad

    def turn(self, now: float) -> None:
        """Forget what has become too old."""
        slot = int(now / self._width_s)
        if slot == self._slot:
            return
        size = len(self._goods)
        for old in range(self._slot + 1, slot + 1)[-size:]:
            index = old % size
            self.good -= self._goods[index]
            self.bad -= self._bads[index]
            self._goods[index] = self._bads[index] = 0
        self._slot = slot

    def clear(self) -> None:
        """Forget all."""
        size = len(self._goods)
        self._goods, self._bads = [0] * size, [0] * size
        self.good = self.bad = 0
