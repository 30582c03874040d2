"""What does this worker have in hand of one window of a budget, and what of it is set aside for running attempts?"""

import math
from collections import defaultdict
from typing import Final

from msgspec import Struct

from providers.targets import Price
from tenants.budgets import TOKENS, USD, amount_text
from tenants.callers import BudgetSpec
from tenants.charges import Charge
from tenants.errors import BudgetExceeded
from tenants.lending import RESERVE_SHARE, SHARE, Lent
from tenants.periods import Period, Span, span_of

AHEAD_S: Final = 60.0  # a worker has in hand what it spends in so long: the database may be away
NEWS_S: Final = 5.0  # how old may be what is known of the window: others may have come to need what is in hand
KEPT_S: Final = 120.0  # what nobody needed for so long goes back, however much is left
REFUSED_FOR_S: Final = 0.5  # a caller whose budget is spent and who asks on must not cost a round trip each time
REMEMBERED_S: Final = 86_400  # after its end: a clock may be set back, and must find its pockets as they were


class Need(Struct, frozen=True):
    """The worst case of one attempt: tokens that it may take, at a price; None: nobody knows it."""

    deployment: str
    price: Price | None
    prompt_tokens: int
    completion_tokens: int
    images: int = 0

    def of(self, spec: BudgetSpec) -> int:
        """In the budget's unit; raises `BudgetExceeded` where it cannot be known and the budget insists."""
        if spec.unit == TOKENS:
            return self.prompt_tokens + self.completion_tokens
        if self.price is not None:
            return self.price.most_nano_usd(self.prompt_tokens, self.completion_tokens, self.images)
        if spec.hard and not spec.allows_unpriced:
            raise BudgetExceeded(f"{self.deployment} has no price, and {spec.phrase} must not be overspent")
        return 0


class Pocket:
    """`granted` is what this worker leased, less what it gave back; of it `charged` is spent and `held` set aside."""

    __slots__ = (
        "charged", "granted", "heard_at", "held", "left", "need", "pace", "refused", "refused_until", "seen", "span",
        "spec", "taken", "taken_at", "tended_at", "unsure",
    )  # fmt: skip

    def __init__(self, spec: BudgetSpec, span: Span) -> None:
        self.spec, self.span = spec, span
        self.granted = self.charged = self.held = 0
        self.taken = 0  # set aside since this pocket was last tended
        self.need = 0  # of the last attempt
        self.taken_at = self.tended_at = self.heard_at = 0.0  # of the monotonic clock
        self.pace = 0.0  # what is spent in `AHEAD_S`, by the recent past
        self.seen = 0  # of `charged`, by the pace
        self.left: int | None = None  # of the window, leased by nobody, when last heard
        self.refused, self.refused_until = 0, -math.inf
        self.unsure = False  # whether `granted` is what the database says: it did not answer

    @property
    def free(self) -> int:
        return self.granted - self.charged - self.held

    @property
    def remaining(self) -> int | None:
        """What may still be spent, as far as this worker knows: what others have leased is not counted."""
        return None if self.left is None else self.left + self.free + self.held

    @property
    def low(self) -> bool:
        """Whether so little is left that the budget's cheaper policy is due."""
        remaining = self.remaining
        return remaining is not None and remaining * 100 < self.spec.limit * self.spec.low_percent

    @property
    def needs_tending(self) -> bool:
        return self.spec.hard or self.follows

    @property
    def follows(self) -> bool:
        """A budget that only alerts leases nothing, and so hears nothing of what is left unless it asks."""
        return bool(self.spec.low_policy) and not self.spec.hard

    def wants_news(self, tick: float) -> bool:
        """Whether to ask the database how it stands, at `tick` of the monotonic clock."""
        return self.unsure or self.follows or (self.free > 0 and tick - self.heard_at > NEWS_S)

    def covers(self, need: int) -> bool:
        return not need or not self.spec.hard or need <= self.free

    def could_cover(self, need: int) -> bool:
        """Whether a lease would help, as far as was heard."""
        return need - self.free <= (self.left or 0)

    def has_refused(self, need: int, now: float) -> bool:
        """Whether the database refused as much a moment ago."""
        return now < self.refused_until and need >= self.refused

    def note_refused(self, need: int, now: float) -> None:
        self.refused = min(self.refused, need) if now < self.refused_until else need
        self.refused_until = now + REFUSED_FOR_S

    def meant_by(self, spec: BudgetSpec, span: Span) -> "Pocket":
        """The same pocket as its budget is now. What was lent under a higher limit goes back, to be lent anew."""
        if spec.limit < self.spec.limit:
            self.granted -= max(self.free, 0)
            self.unsure = True
        self.spec, self.span = spec, span
        return self

    @property
    def keeps(self) -> int:
        """What the database is to leave this worker of what it granted: a cost may have been above its worst case."""
        return max(self.granted, self.charged)

    def hear(self, lent: Lent, sent: int, tick: float) -> None:
        """What the database says: nothing else is certain. `sent` was `granted` when it was asked: what was taken from
        that since is on no way back yet."""
        self.unsure = self.granted != sent
        self.granted += lent.granted - sent
        self.left, self.heard_at = lent.left, tick

    def tend(self, now: float, tick: float) -> tuple[int, int]:
        """What to give back and how much to have in hand (0: as it is), at `now` by the wall and `tick` by the
        monotonic clock."""
        age = math.exp(-(tick - self.tended_at) / AHEAD_S)
        self.pace, self.seen = self.pace * age + self.charged - self.seen, self.charged
        self.tended_at = tick
        if self.taken:
            self.taken_at = tick
        wanted = tick - self.taken_at <= KEPT_S and self.span.holds(now)
        reserve = self._reserve if wanted and self.spec.hard else 0
        back = self._surplus(reserve) if wanted else max(self.free, 0)
        self.taken = 0
        return back, reserve if not back and self.free < reserve / 2 else 0

    @property
    def _reserve(self) -> int:
        """What to have in hand: for a minute, or a usual slice; a small part of what is left either way, and nothing
        where that would not pay for one more request: others may lack this very crumb."""
        left = self.left or 0
        reserve = min(max(int(self.pace), left // SHARE), left // RESERVE_SHARE)
        return reserve if reserve >= self.need else 0

    def _surplus(self, reserve: int) -> int:
        """What others should rather have: what is of no use here, or much for what is left of the window."""
        keep = max(self.taken, reserve)
        return self.free - keep if self.free > 2 * keep else 0

    def refusal(self, need: int) -> BudgetExceeded:
        """Which budget, how much of it is left, and when it begins anew."""
        spec, left = self.spec, max((self.left or 0) + self.free, 0)
        anew = f"; it begins anew at {self.span.resets_at}" if self.span.end is not None else ""
        if not left:
            aside = (
                f" ({amount_text(spec.unit, self.held)} of it is set aside for requests that run)" if self.held else ""
            )
            return BudgetExceeded(f"{spec.phrase} is spent{aside}{anew}")
        what = f"{amount_text(spec.unit, left)} left, and this request may cost up to {amount_text(spec.unit, need)}"
        return BudgetExceeded(f"{spec.phrase} has {what}{anew}")


class Pockets:
    """The pockets of one worker, by budget and window."""

    def __init__(self) -> None:
        self._of: dict[int, list[Pocket]] = defaultdict(list)  # the one of the present window first

    def of(self, spec: BudgetSpec, now: float) -> Pocket:
        """The pocket of the window that `now` (seconds since the epoch) falls into."""
        mine = self._of[spec.id]
        if mine and mine[0].spec == spec and mine[0].span.holds(now):
            return mine[0]
        span = span_of(Period(spec.period), spec.zone, now)
        pocket = next((each for each in mine if each.span.start == span.start), None) or Pocket(spec, span)
        others = [each for each in mine if each is not pocket and (each.span.end or now) > now - REMEMBERED_S]
        mine[:] = [pocket, *others]
        return pocket.meant_by(spec, span)


class Hold:
    """What one attempt has set aside; `charges` is what would be owed if the worker died now."""

    __slots__ = ("_parts", "_settled", "charges")

    def __init__(self, wants: list[tuple[Pocket, int]], holder: str) -> None:
        self._parts, self._settled = wants, False
        self.charges: list[Charge] = []
        for pocket, need in wants:
            spec = pocket.spec
            pocket.held += need if spec.hard else 0
            pocket.taken += need
            pocket.need = need
            self.charges.append(Charge(spec.id, pocket.span.start, spec.unit, need, holder if spec.hard else None))

    @property
    def is_hard(self) -> bool:
        """Whether one of its budgets must not be overspent."""
        return any(pocket.spec.hard for pocket, _ in self._parts)

    @property
    def nano_usd(self) -> int | None:
        """What it has set aside of each budget in money: of all the same; None: there is no such budget."""
        return next((need for pocket, need in self._parts if pocket.spec.unit == USD), None)

    def count_for(self, attempt: int, charges: list[Charge]) -> None:
        """Put the charges to those of the request whose attempt this is for."""
        for charge in self.charges:
            charge.attempt = attempt
        charges += self.charges

    def settle(self, cost_nano_usd: int, tokens: int) -> None:
        """Replace the worst case by what the attempt really cost; the rest is free again. Once."""
        if self._settled:
            return
        self._settled = True
        for (pocket, need), charge in zip(self._parts, self.charges, strict=True):
            charge.amount = tokens if charge.unit == TOKENS else cost_nano_usd
            if charge.lease is not None:
                pocket.held -= need
                pocket.charged += charge.amount
