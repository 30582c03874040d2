"""What would a request have cost with another choice? Its counted tokens at the prices of its other candidates. Pure.

The baselines are kept with the sums of requests (`usage.rollups.ComparedSums`): the dearest of those that could have
answered, the model that the request named, and the first choice of its plan. A model that is named later is priced from
the sums of tokens, by the history of its prices.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct, structs

from providers.chat import TokenUsage
from providers.targets import Price
from usage.outcomes import AttemptOutcome, Outcome
from usage.rollups import COMPARED_SUMS

LONG_PROMPT: Final = 128_000  # tokens; no provider's price list has a tier below it
REMEMBERED: Final = 1024  # decisions; requests of one class share one
UNSEEN: Final = (0,) * len(COMPARED_SUMS)
UNKNOWN: Final = (1, *UNSEEN[1:])  # looked at, and nothing to compare

PriceAt = Callable[[str, int], Price | None]  # of `provider/model`, at UTC microseconds since the epoch


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

    def __init__(self, price: PriceAt) -> None:
        self._price = price
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
        bill = _Bill(outcome, told, paid)
        asked = self._asked(outcome, names)
        first = self._price(outcome.first_choice, outcome.started_us) if outcome.first_choice else None
        return (
            *(1, 1, told.estimated, paid),
            *_tokens(told),
            bill.dearest(dear),
            *bill.against(asked),
            *bill.against([first] if first else []),
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


class _Bill(Struct, frozen=True):
    """One answered request whose cost is known."""

    outcome: Outcome
    told: AttemptOutcome
    paid: int  # nano-dollars, of all attempts

    def dearest(self, prices: Iterable[Price]) -> int:
        """Not less than what served, whatever is known of its price by now."""
        return max([self.told.cost_nano_usd or 0, *(self._at(price) for price in prices)])

    def against(self, prices: list[Price]) -> tuple[int, int, int]:
        """One request, what it cost, and what it would have cost at the dearest of these; nothing without any."""
        return (1, self.paid, max(map(self._at, prices))) if prices else (0, 0, 0)

    def _at(self, price: Price) -> int:
        used = self.told.usage
        if price.image and not used.images:
            used = structs.replace(used, images=self._images())
        return price.cost_nano_usd(used)

    def _images(self) -> int:
        features = _features.decode(self.outcome.features) if self.outcome.features else None
        found = (features or {}).get("images")
        return found if isinstance(found, int) else 0


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
