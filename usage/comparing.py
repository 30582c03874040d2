"""What would a request have cost with another choice? Its counted tokens at the prices of its other candidates. Pure.

The baselines are kept with the sums of requests (`usage.rollups.ComparedSums`): the dearest of those that could have
answered, the model that the request named, and the first choice of its plan. A model that is named later is priced from
the sums of tokens, by the history of its prices.
"""

from collections.abc import Iterable
from operator import itemgetter
from typing import Final

import msgspec
from msgspec import Raw, Struct, structs

from providers.chat import TokenUsage
from providers.pricebook import PriceBook
from providers.targets import Price
from usage.outcomes import AttemptOutcome, Outcome
from usage.rollups import COMPARED_SUMS

LONG_PROMPT: Final = 128_000  # tokens; no provider's price list has a tier below it
REMEMBERED: Final = 1024  # decisions; requests of one class share one
UNSEEN: Final = (0,) * len(COMPARED_SUMS)
UNKNOWN: Final = (1, *UNSEEN[1:])  # looked at, and nothing to compare


class _Named(Struct, frozen=True):
    deployment: str = ""


class _Weighed(Struct, frozen=True):
    """What is read of a decision record."""

    candidates: tuple[_Named, ...] = ()
    dearest_unlisted: str | None = None


_decoder = msgspec.json.Decoder(_Weighed | None)
_features = msgspec.json.Decoder(dict[str, object] | None)


class Comparer:
    """Looks at answered requests. Plans are made anew when prices change, so what one says is remembered."""

    def __init__(self, prices: PriceBook) -> None:
        self._price, self._is_local = prices.price, prices.is_local
        self._known: dict[bytes, tuple[tuple[str, ...], tuple[Price, ...]]] = {}

    def forget(self) -> None:
        """Look prices up anew from here on."""
        self._known.clear()

    def sums(self, outcome: Outcome) -> tuple[int, ...]:
        """What the outcome adds to `COMPARED_SUMS`."""
        if outcome.status != "answered":
            return UNSEEN
        told = outcome.decisive if outcome.attempts else None
        paid = outcome.cost_nano_usd
        if told is None or paid is None or told.prompt_tokens is None:
            return UNKNOWN
        names, dear = self._weighed(outcome.decision, outcome.started_us)
        bill = _Bill(outcome, told, paid, self._price(told.deployment, outcome.started_us))
        dearest = bill.dearest(dear)
        asked = bill.against(self._asked(outcome, names))
        first = self._price(outcome.first_choice, outcome.started_us) if outcome.first_choice else None
        meant = bill.against([first] if first else [])
        return (
            *(1, 1, told.estimated, paid),
            *_tokens(told),
            dearest.cost,
            *(asked.requests, asked.paid, asked.cost),
            *(meant.requests, meant.paid, meant.cost),
            *(dearest.split, bool(dearest.split and self._is_local(told.deployment)), *bill.served),
            *dearest.steps,
            *(asked.split, *asked.steps),
            *(meant.split, *meant.steps),
        )

    def _weighed(self, decision: Raw | None, at_us: int) -> tuple[tuple[str, ...], tuple[Price, ...]]:
        """The names of the candidates, and those of their prices that may be the dearest."""
        if decision is None:
            return (), ()
        key = bytes(decision)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            record = _decoder.decode(key) or _Weighed()
            names = tuple(each.deployment for each in record.candidates)
            weighed = (*names, record.dearest_unlisted) if record.dearest_unlisted else names
            prices = {price for name in weighed if (price := self._price(name, at_us))}
            known = self._known[key] = names, dearest_of(prices)
        return known

    def _asked(self, outcome: Outcome, names: Iterable[str]) -> list[Price]:
        """The prices of the candidates that are the model, or the deployment, which the request named."""
        asked = outcome.asked_model
        meant = [name for name in names if asked in (name, name.partition("/")[2])]
        return [price for name in meant if (price := self._price(name, outcome.started_us))]


class _Against(Struct, frozen=True):
    """One request beside a baseline; amounts in nano-dollars.

    Of the difference `cost - paid` the step `routing` is what the list prices differ by: those of the baseline and of
    what answered, had nothing come from a cache. `cache` is what tokens from a cache, less what keeping them cost,
    saved at what answered, less what they would have saved at the baseline, which `cost` grants it. `further` is, less
    than nothing, what all attempts but the one that answered cost. They add up to the difference.
    """

    requests: int = 0
    paid: int = 0
    cost: int = 0
    split: int = 0  # whether the steps are known
    steps: tuple[int, int, int] = (0, 0, 0)  # routing, cache, further


class _Bill(Struct, frozen=True):
    """One answered request whose cost is known."""

    outcome: Outcome
    told: AttemptOutcome
    paid: int  # nano-dollars, of all attempts
    price: Price | None  # of what answered

    @property
    def served(self) -> tuple[int, int]:
        """What the attempt that answered cost, and what tokens from a cache saved it; nothing where that is unknown."""
        cost, cached = self.told.cost_nano_usd, self._cached(self.price)
        return (0, 0) if cost is None or cached is None else (cost, cached)

    def dearest(self, prices: Iterable[Price]) -> _Against:
        """Not less than what served, whatever is known of its price by now."""
        own = (self.told.cost_nano_usd or 0, self._cached(self.price) or 0)
        return self._beside(max([own, *map(self._at, prices)], key=itemgetter(0)))  # where equal, what served

    def against(self, prices: list[Price]) -> _Against:
        """At the dearest of these; nothing without any."""
        return self._beside(max(map(self._at, prices))) if prices else _Against()

    def _beside(self, baseline: tuple[int, int]) -> _Against:
        cost, saved = baseline
        own, cached = self.told.cost_nano_usd, self._cached(self.price)
        if own is None or cached is None:
            return _Against(1, self.paid, cost)
        return _Against(1, self.paid, cost, 1, (cost + saved - own - cached, cached - saved, own - self.paid))

    def _at(self, price: Price) -> tuple[int, int]:
        """What it would have cost, and what tokens from a cache would have saved of that."""
        return price.cost_nano_usd(self._used(price)), self._cached(price) or 0

    def _cached(self, price: Price | None) -> int | None:
        """What tokens from a cache save at this price, less what it costs to keep them; None: it is not known."""
        used = self.told.usage
        if not (used.cached or used.cache_write or used.cache_write_1h):
            return 0
        return price.cost_nano_usd(uncached(used)) - price.cost_nano_usd(used) if price else None

    def _used(self, price: Price) -> TokenUsage:
        used = self.told.usage
        return structs.replace(used, images=self._images()) if price.image and not used.images else used

    def _images(self) -> int:
        features = _features.decode(self.outcome.features) if self.outcome.features else None
        found = (features or {}).get("images")
        return found if isinstance(found, int) else 0


def uncached(used: TokenUsage) -> TokenUsage:
    """The same tokens, had none come from a cache and none been kept in it."""
    return structs.replace(used, cached=0, cache_write=0, cache_write_1h=0)


def dearest_of(prices: Iterable[Price]) -> tuple[Price, ...]:
    """Without those that no request can make the dearest: another is at least as dear in every part."""
    rates = {price: _rates(price) for price in prices}
    kept: list[Price] = []
    for price in sorted(rates, key=lambda each: rates[each], reverse=True):
        mine = rates[price]
        if price.tiers or not any(_covers(rates[other], mine) for other in kept if not other.tiers):
            kept.append(price)
    return tuple(kept)


def _covers(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(mine >= theirs for mine, theirs in zip(one, other, strict=True))


def _rates(price: Price) -> tuple[int, ...]:
    """What each part of the tokens costs; a part without a rate of its own costs as the whole that it belongs to."""
    written = price.input if price.cache_write is None else price.cache_write
    into = (price.cached_input, price.audio_input)
    out = (price.reasoning, price.audio_output)
    return (
        *(price.input, price.output, price.image, price.request, written),
        written if price.cache_write_1h is None else price.cache_write_1h,
        *(price.input if rate is None else rate for rate in into),
        *(price.output if rate is None else rate for rate in out),
    )


def _tokens(told: AttemptOutcome) -> tuple[int, ...]:
    used: TokenUsage = told.usage
    parts = (used.prompt, used.completion, used.cached, used.cache_write, used.cache_write_1h, used.reasoning)
    return *parts, used.prompt > LONG_PROMPT
