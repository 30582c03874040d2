"""What does a price look like to people? USD as decimals, as price lists, files and forms have it."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from providers.targets import Price, Tier

MICRO: Final = 1_000_000  # USD per million tokens x this = pico-dollars per token
PICO: Final = 10**12  # USD x this = pico-dollars
CENT: Final = Decimal("0.01")
HIGHEST: Final = Decimal(1_000_000)  # six digits before the point, as the columns have
SMALLEST_STEP: Final = Decimal("0.000001")
SMALLEST_FEE_STEP: Final = Decimal("0.00000001")


class UsdRates(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """USD per million tokens; None: as the whole that the part belongs to."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None


class UsdTier(UsdRates, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Rates of a request with more than `above` tokens of prompt; what is None stays as below the tier."""

    above: Annotated[int, Meta(gt=0, le=2_147_483_647)]


class UsdPrice(UsdRates, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A whole price. Without input (and output, where text comes out) it is unknown."""

    image: Decimal | None = None  # USD per image in the prompt, beside its tokens
    request: Decimal | None = None  # USD per call
    tiers: tuple[UsdTier, ...] = ()


RATES: Final = UsdRates.__struct_fields__
FEES: Final = ("image", "request")
COLUMNS: Final = (*RATES, *FEES)


def exact(usd: UsdPrice, embeds: bool) -> Price | None:
    """The same in pico-dollars; None unless both input and output are known (vectors cost by their input alone)."""
    if usd.output is None and embeds:
        usd = structs.replace(usd, output=Decimal(0))
    if usd.input is None or usd.output is None:
        return None
    fees = Price(0, 0, image=_pico(usd.image or 0, PICO), request=_pico(usd.request or 0, PICO))
    flat = structs.replace(fees, **_given(usd))
    tiers = [Tier(tier.above, structs.replace(flat, **_given(tier))) for tier in usd.tiers]
    return structs.replace(flat, tiers=tuple(tiers))


def problems(usd: UsdPrice, embeds: bool) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it) of a price that a person wrote; the field is "" for the whole."""
    if usd.input is None or (usd.output is None and not embeds):
        yield "", "give both input and output, or no price at all: half a price counts nothing"
    yield from _out_of_range(usd)
    for name in FEES:
        fee = getattr(usd, name)
        if fee is not None and not _fits(fee, SMALLEST_FEE_STEP):
            yield name, f"{fee} is not between 0 and {HIGHEST:f}, in steps of {SMALLEST_FEE_STEP:f}"
    starts = [tier.above for tier in usd.tiers]
    if starts != sorted(set(starts)):
        yield "tiers", "tiers begin above ascending numbers of tokens, each above another"
    for index, tier in enumerate(usd.tiers):
        yield from ((f"tiers[{index}].{name}", text) for name, text in _out_of_range(tier))


def listed(price: str | None, step: Decimal = SMALLEST_STEP) -> Decimal | None:
    """A price of a listing as its column holds it; what no column can hold (OpenRouter's -1: it varies) is unknown."""
    try:
        usd = Decimal(price or "NaN")
        return usd.quantize(step) if 0 <= usd < HIGHEST else None
    except InvalidOperation:
        return None


def dollars(usd: Decimal) -> str:
    """An amount without its sign: `1,234.56`, `0.0123`, `0.00012`; a true zero is `0.00`."""
    if not usd:
        return "0.00"
    if usd < CENT:
        usd = rounded(usd, 1 - usd.adjusted())  # two digits that count; by them 0.000998 begins a place earlier
    if usd < CENT:
        return f"{rounded(usd, 1 - usd.adjusted()):f}"
    shown = rounded(usd, 4)
    return f"{shown:f}" if shown < 1 else f"{rounded(usd, 2):,f}"


def rounded(value: Decimal, digits: int) -> Decimal:
    """`value` with so many digits after the point, halves away from zero."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def _out_of_range(rates: UsdRates) -> Iterator[tuple[str, str]]:
    for name in RATES:
        usd = getattr(rates, name)
        if usd is not None and not _fits(usd, SMALLEST_STEP):
            yield name, f"{usd} is not between 0 and {HIGHEST:f}, in steps of {SMALLEST_STEP:f}"


def _fits(usd: Decimal, step: Decimal) -> bool:
    return usd.is_finite() and 0 <= usd < HIGHEST and usd % step == 0


def _given(rates: UsdRates) -> dict[str, int]:
    return {name: _pico(rate, MICRO) for name in RATES if (rate := getattr(rates, name)) is not None}


def _pico(usd: Decimal | int, factor: int) -> int:
    return int(usd * factor)
