"""What usage costs: exact, rounded once, and never above the ceiling that a hold reserves."""

import random
from decimal import ROUND_HALF_UP, Decimal

import pytest
from msgspec import structs

from providers.chat import TokenUsage
from providers.targets import Price, Tier
from providers.usdprice import RATES, UsdPrice, UsdTier, exact, listed, problems

MILLION = 1_000_000
SONNET = UsdPrice(
    input=Decimal(3),
    output=Decimal(15),
    cached_input=Decimal("0.3"),
    cache_write=Decimal("3.75"),
    cache_write_1h=Decimal(6),
    tiers=(UsdTier(above=200_000, input=Decimal(6), output=Decimal("22.5"), cached_input=Decimal("0.6")),),
)


def price_of(usd: UsdPrice) -> Price:
    price = exact(usd, embeds=False)
    assert price is not None
    return price


def some_usage(rng: random.Random) -> TokenUsage:
    parts = [rng.choice((0, 1, rng.randrange(300_000))) for _ in range(7)]
    cached, written, written_1h, heard, plain, thought, said = parts
    prompt, completion = cached + written + written_1h + heard + plain, thought + said + rng.randrange(5)
    return TokenUsage(
        prompt, completion, cached, written, thought, False, written_1h, heard, said, images=rng.randrange(3)
    )


def some_price(rng: random.Random) -> UsdPrice:
    def rates() -> dict[str, Decimal]:
        return {name: Decimal(rng.randrange(10**8)) / 10**6 for name in RATES if rng.random() < 0.6}

    whole = {"input": Decimal(rng.randrange(10**8)) / 10**6, "output": Decimal(rng.randrange(10**8)) / 10**6}
    starts = sorted(rng.sample(range(1, 900_000), rng.randrange(3)))
    tiers = tuple(UsdTier(above=above, **rates()) for above in starts)
    fees = {"image": Decimal(rng.randrange(10**6)) / 10**8, "request": Decimal(rng.randrange(10**6)) / 10**8}
    return UsdPrice(**(rates() | whole), **fees, tiers=tiers)


def cost_by_hand(usd: UsdPrice, usage: TokenUsage) -> Decimal:
    """Nano-dollars as a person would add them up, part by part, in decimals."""
    rates = {name: getattr(usd, name) for name in RATES}
    for tier in usd.tiers:
        if usage.prompt > tier.above:
            own = {name: getattr(usd, name) for name in RATES}
            rates = own | {name: rate for name in RATES if (rate := getattr(tier, name)) is not None}

    def rate(*names: str) -> Decimal:
        return next(rates[name] for name in names if rates[name] is not None)

    plain_in = usage.prompt - usage.cached - usage.cache_write - usage.cache_write_1h - usage.audio_input
    plain_out = usage.completion - usage.reasoning - usage.audio_output
    millions = (
        plain_in * rate("input")
        + usage.cached * rate("cached_input", "input")
        + usage.cache_write * rate("cache_write", "input")
        + usage.cache_write_1h * rate("cache_write_1h", "cache_write", "input")
        + usage.audio_input * rate("audio_input", "input")
        + plain_out * rate("output")
        + usage.reasoning * rate("reasoning", "output")
        + usage.audio_output * rate("audio_output", "output")
    )
    usd_total = millions / MILLION + usage.images * (usd.image or 0) + (usd.request or 0)
    return (usd_total * 10**9).quantize(Decimal(1), ROUND_HALF_UP)


@pytest.mark.parametrize("seed", range(20))
def test_the_cost_is_what_a_person_adds_up_and_stays_under_the_ceiling(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        usd, usage = some_price(rng), some_usage(rng)
        price = price_of(usd)
        cost = price.cost_nano_usd(usage)
        assert cost == cost_by_hand(usd, usage)
        assert 0 <= cost <= price.most_nano_usd(usage.prompt, usage.completion, usage.images)
        more = structs.replace(usage, prompt=usage.prompt + 1, completion=usage.completion + 1)
        assert price.most_nano_usd(more.prompt, more.completion, 2) >= price.cost_nano_usd(
            structs.replace(more, images=min(more.images, 2))
        )


def test_a_part_without_a_rate_costs_as_its_whole() -> None:
    plain = Price(input=1000, output=2000)
    assert plain.cost_nano_usd(TokenUsage(10, 10, 3, 3, 5, cache_write_1h=2, audio_input=1, audio_output=4)) == 30
    written = Price(input=1000, output=0, cache_write=1250)
    assert written.cost_nano_usd(TokenUsage(8, 0, cache_write=4, cache_write_1h=4)) == 10


def test_above_a_tier_the_whole_request_costs_its_price() -> None:
    price = price_of(SONNET)
    assert price.cost_nano_usd(TokenUsage(200_000, 1000)) == 615_000_000
    assert price.cost_nano_usd(TokenUsage(200_001, 1000)) == 1_222_506_000
    written = TokenUsage(300_000, 0, cached=100_000, cache_write=100_000, cache_write_1h=100_000)
    assert price.cost_nano_usd(written) == (60_000 + 375_000 + 600_000) * 1000  # what the tier leaves out stays


def test_a_fee_per_request_and_per_image_comes_beside_the_tokens() -> None:
    price = price_of(UsdPrice(input=Decimal(1), output=Decimal(1), request=Decimal("0.005"), image=Decimal("0.001")))
    assert price.cost_nano_usd(TokenUsage(1000, 0, images=2)) == 1_000_000 + 5_000_000 + 2_000_000


def test_half_a_nano_dollar_is_rounded_up_once() -> None:
    assert Price(input=250, output=250).cost_nano_usd(TokenUsage(1, 1)) == 1
    assert Price(input=249, output=250).cost_nano_usd(TokenUsage(1, 1)) == 0


def test_tiers_keep_their_order_in_the_exact_form() -> None:
    assert price_of(SONNET).tiers[0] == Tier(
        200_000,
        Price(
            input=6_000_000,
            output=22_500_000,
            cached_input=600_000,
            cache_write=3_750_000,
            cache_write_1h=6_000_000,
        ),
    )


@pytest.mark.parametrize(
    ("usd", "where", "told"),
    [
        (UsdPrice(input=Decimal(1)), "", "half a price counts nothing"),
        (UsdPrice(input=Decimal(1), output=Decimal("NaN")), "output", "NaN is not between 0"),
        (UsdPrice(input=Decimal(1), output=Decimal(1), image=Decimal(-1)), "image", "-1 is not between 0"),
        (structs.replace(SONNET, tiers=SONNET.tiers * 2), "tiers", "ascending"),
        (
            structs.replace(SONNET, tiers=(UsdTier(above=9, input=Decimal("1e7")),)),
            "tiers[0].input",
            "is not between 0",
        ),
    ],
)
def test_what_is_no_price_is_named(usd: UsdPrice, where: str, told: str) -> None:
    ((field, text),) = problems(usd, embeds=False)
    assert field == where and told in text


def test_a_sound_price_has_no_problem_and_vectors_need_no_output() -> None:
    assert list(problems(SONNET, embeds=False)) == []
    assert list(problems(UsdPrice(input=Decimal("0.02")), embeds=True)) == []
    vectors = exact(UsdPrice(input=Decimal("0.02")), embeds=True)
    assert vectors is not None and vectors.output == 0


@pytest.mark.parametrize("text", ["-1", "1000000", "nothing", "NaN", "", None, "Infinity"])
def test_a_listed_price_that_no_column_holds_is_unknown(text: str | None) -> None:
    assert listed(text) is None
    assert listed("0.1234567") == Decimal("0.123457")
