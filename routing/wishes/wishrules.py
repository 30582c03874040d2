"""Whom do the caller's own wishes rule out, and whom do they put first? Each rule with a reason of its own."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from providers.catalog import Catalog
from providers.chat import TokenUsage
from providers.requests import Request
from providers.targets import KEEPS_NOTHING, Price, Target
from providers.usdprice import MICRO, PICO
from providers.vendors import routes_itself
from routing.asked import Asked
from routing.calibration import Calibrations
from routing.candidates import Check, Rule
from routing.policies.base import Candidate
from routing.scorers.quality import UNKNOWN as UNKNOWN_QUALITY
from routing.wishes.providerwish import ProviderWish, place

NANO: Final = 1_000_000_000
COLLECTS: Final = "collects"

# What `max_price` caps: which part of a price, how many pico-dollars are a dollar of it, and its unit in words.
PRICED: Final[dict[str, tuple[Callable[[Price], int], int, str]]] = {
    "prompt": (lambda price: price.input, MICRO, "million tokens"),
    "completion": (lambda price: price.output, MICRO, "million tokens"),
    "image": (lambda price: price.image, PICO, "image"),
    "request": (lambda price: price.request, PICO, "request"),
}


def wish_rules(asked: Asked[Request], catalog: Catalog, calibrations: Calibrations) -> tuple[Rule, ...]:
    """The rules that this request brings along; none for most."""
    rules: list[Rule] = []
    options, wish = asked.wishes.options, asked.wishes.provider
    if wish is not None:
        rules += [*_of_names(wish, catalog), *_of_prices(wish), *_of_data(wish)]
    if options.max_cost_usd is not None:
        rules.append(("neuroroute.max_cost_usd", _cost_cap(asked, options.max_cost_usd, calibrations)))
    if options.quality is not None:
        rules.append(("neuroroute.quality", _quality_floor(asked.features["category"], options.quality)))
    return tuple(rules)


def _of_names(wish: ProviderWish, catalog: Catalog) -> list[Rule]:
    rules: list[Rule] = []
    if wish.only:
        rules.append(("provider.only", _must_be_in(wish.only, catalog)))
    if wish.ignore:
        rules.append(("provider.ignore", lambda t: _ignored(t, wish.ignore or (), catalog)))
    if wish.order and wish.allow_fallbacks is False:
        rules.append(("provider.allow_fallbacks", _must_be_in(wish.order, catalog)))
    return rules


def _must_be_in(names: Sequence[str], catalog: Catalog) -> Check:
    why = f"the caller wants {', '.join(names[:5])} only"
    return lambda target: why if place(target, names, catalog) is None else None


def _ignored(target: Target, names: Sequence[str], catalog: Catalog) -> str | None:
    """Names that are not ours mean OpenRouter's own providers, not OpenRouter itself."""
    named = any(name.lower() in (target.provider, target.name.lower()) for name in names)
    return f"the caller wants no {target.provider}" if named else None


def _of_prices(wish: ProviderWish) -> list[Rule]:
    most = wish.max_price
    if most is None:
        return []
    caps = [(name, cap) for name in PRICED if (cap := getattr(most, name)) is not None]
    return [(f"provider.max_price.{name}", _price_cap(cap, *PRICED[name])) for name, cap in caps]


def _price_cap(cap: Decimal, part: Callable[[Price], int], unit: int, per: str) -> Check:
    def check(target: Target) -> str | None:
        if target.price is None:
            return None if _decides_itself(target) else f"price unknown, at most ${cap:f} wanted"
        price = Decimal(part(target.price)) / unit
        return f"${price.normalize():f} > ${cap:f} per {per}" if price > cap else None

    return check


def _of_data(wish: ProviderWish) -> list[Rule]:
    """What is promised about prompts and weights; a prompt cannot be unsent, so unknown is not good enough there."""
    rules: list[Rule] = []
    if wish.data_collection == "deny":
        rules.append(("provider.data_collection", _may_collect))
    if wish.zdr:
        rules.append(("provider.zdr", _may_retain))
    if wish.quantizations:
        rules.append(("provider.quantizations", lambda t: _other_weights(t, wish.quantizations or ())))
    return rules


def _may_collect(target: Target) -> str | None:
    if _decides_itself(target) or (target.data_policy and target.data_policy != COLLECTS):
        return None
    return "its provider collects prompts" if target.data_policy else "unknown whether its provider collects prompts"


def _may_retain(target: Target) -> str | None:
    if _decides_itself(target) or target.data_policy == KEEPS_NOTHING:
        return None
    return "its provider retains prompts" if target.data_policy else "unknown whether its provider retains prompts"


def _other_weights(target: Target, wanted: Sequence[str]) -> str | None:
    if _decides_itself(target) or not target.quantization or target.quantization in wanted:
        return None
    return f"{target.quantization} is none of {', '.join(wanted[:5])}"


def _decides_itself(target: Target) -> bool:
    """OpenRouter receives the wish and grants it by itself."""
    return routes_itself(target.provider, target.base_url)


def _cost_cap(asked: Asked[Request], usd: float, calibrations: Calibrations) -> Check:
    most, longest, images = int(usd * NANO), asked.longest_output, asked.features.get("images", 0)

    def check(target: Target) -> str | None:
        if target.price is None:
            return f"price unknown, at most ${usd:g} wanted"
        prompt = asked.prompt_tokens(calibrations.of(target))
        cost = target.price.cost_nano_usd(TokenUsage(prompt, longest, images=images))
        return f"may cost ${Decimal(cost) / NANO:f} > ${usd:g}" if cost > most else None

    return check


def _quality_floor(category: str, floor: float) -> Check:
    def check(target: Target) -> str | None:
        known = dict(target.category_quality).get(category, target.quality)
        quality = UNKNOWN_QUALITY if known is None else known
        said = f"quality {quality:g}" if known is not None else f"quality unknown, taken for {quality:g}"
        return f"{said} < {floor:g}" if quality < floor else None

    return check


def wished_order(ordered: Sequence[Candidate], wish: ProviderWish, catalog: Catalog) -> list[Candidate]:
    """The policy's order as the caller wishes it: sorted by one figure, and those that `order` names first."""
    found = list(ordered)
    if wish.sort_by:
        found.sort(key=lambda c: _figure(c, wish.sort_by))
    if wish.order:
        names = wish.order
        places = {c.name: place(c.facts.target, names, catalog) for c in found}
        found.sort(key=lambda c: len(names) if (at := places[c.name]) is None else at)
    return found


def _figure(candidate: Candidate, sort: str | None) -> Any:
    """What to sort by, smallest first; unknown comes last."""
    facts = candidate.facts
    figure: float | None = facts.cost_nano_usd
    if sort == "latency":
        figure = facts.ttft_ms
    elif sort == "throughput":
        figure = None if facts.duration_ms is None else facts.duration_ms - (facts.ttft_ms or 0.0)
    return float("inf") if figure is None else figure


def wish_warnings(wish: ProviderWish, ordered: Sequence[Candidate]) -> tuple[str, ...]:
    """What is wished for and cannot be told of who is asked first."""
    target = ordered[0].facts.target
    if not wish.quantizations or target.quantization or _decides_itself(target):
        return ()
    return (f"provider.quantizations: not known of {target.name}",)
