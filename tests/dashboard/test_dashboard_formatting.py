"""How numbers, times and colours are written."""

from datetime import UTC, datetime

import pytest

from dashboard.colours import COLOURS, colours_of, given
from dashboard.formatting import (
    against,
    change,
    duration,
    exact_dollars,
    in_milliseconds,
    in_seconds,
    money,
    moved,
    percent,
    tokens,
)
from dashboard.templatetags.figures import badge

NOW = datetime(2026, 11, 21, 14, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (None, "—"),
        (0, "$0.00"),
        (1, "$0.0000000010"),
        (120_000, "$0.00012"),
        (998_000, "$0.0010"),
        (9_990_000, "$0.0100"),
        (12_300_000, "$0.0123"),
        (999_960_000, "$1.00"),
        (1_234_560_000_000, "$1,234.56"),
        (-5_000_000, "−$0.0050"),
    ],
)
def test_money_keeps_the_digits_that_count_and_unknown_is_not_zero(nano, text):
    assert money(nano) == text


def test_a_title_has_every_digit_and_the_same_sign():
    assert [exact_dollars(nano) for nano in (None, 0, 12_345, -5)] == [
        "—", "$0.000000000", "$0.000012345", "−$0.000000005",
    ]  # fmt: skip


def test_an_estimate_is_marked():
    assert money(12_300_000, estimated=True) == "≈ $0.0123"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "—"), (0.4, "0.4 ms"), (842, "842 ms"), (999.6, "1.00 s"), (3420, "3.42 s"), (125_000, "2 m 05 s")],
)
def test_durations_change_their_unit_with_their_size(ms, text):
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("number", "text"), [(None, "—"), (842, "842"), (12_345, "12.3k"), (999_960, "1.00M"), (1_240_000, "1.24M")]
)
def test_tokens(number, text):
    assert tokens(number) == text


def test_nearly_all_is_not_all():
    assert [percent(s) for s in (None, 0.0, 0.0001, 0.5, 0.99999, 1.0)] == [
        "—",
        "0.0 %",
        "< 0.1 %",
        "50.0 %",
        "> 99.9 %",
        "100.0 %",
    ]


def test_a_change_from_nothing_is_said_in_words():
    assert change(5, 0) == "no earlier data"
    assert change(112.3, 100) == "+12.3 %"


def test_a_change_of_ten_times_and_more_is_said_in_times():
    assert (change(9.99, 1), change(10, 1), change(69_900, 100)) == ("+899.0 %", "×10", "×699")
    assert against(6990, 10, 3, money) == "×699 vs previous period"
    assert change(-5, 1) == "−600.0 %"


def test_what_stands_along_one_axis_has_one_unit_whatever_its_size():
    seconds = [in_seconds(ms) for ms in (None, 0.4, 842, 999.6, 3420, 125_000)]
    assert seconds == ["—", "0.000 s", "0.842 s", "1.00 s", "3.42 s", "125 s"]
    assert [in_milliseconds(ms) for ms in (None, 0.4, 842, 3420)] == ["—", "0.4 ms", "842 ms", "3,420 ms"]


def test_statement_15_a_name_keeps_its_colour_whatever_its_rank_and_whoever_comes():
    names = [(f"model-{i}", 100 - i) for i in range(9)]
    kept = given({}, [names])
    assert sorted(kept[name] for name, _ in names[:6]) == list(range(COLOURS)), "the six busiest differ"
    assert kept["model-6"] == kept["model-5"], "the next shares with who has fewest requests"
    later = given(kept, [[("new", 1000), *reversed(names)]])
    assert later | kept == later and later["new"] in range(COLOURS)
    for drawing in (["model-3", "model-8", "unseen"], [name for name, _ in reversed(names)], ["model-3"]):
        drawn = colours_of(drawing, kept)
        assert all(drawn[name] == kept[name] for name in drawn if name in kept)
        assert len(set(drawn.values())) == len(drawn)
    assert colours_of(["model-6", "model-5"], kept) == {"model-6": kept["model-6"]}, "the weightier; the other is grey"


def test_names_without_a_colour_yet_differ_and_the_seventh_and_what_is_no_entity_have_none():
    names = [f"provider-{i}" for i in range(COLOURS)]
    assert colours_of(["nobody", *names, "provider-late"], {}).keys() == set(names)
    assert sorted(colours_of(names, {}).values()) == list(range(COLOURS))
    assert colours_of(names, {}) == colours_of(reversed(names), {})
    assert given({}, [[("nobody", 9), ("", 3)]]) == {}


def test_a_change_of_nothing_has_no_sign_and_nothing_before_is_said():
    assert change(5.0001, 5) == "0.0 %" == change(4.9999, 5)
    assert moved(6, 5, 3, money) == "+20.0 %" and against(6, 5, 3, money) == "+20.0 % vs previous period"
    assert moved(6, 0, 3, money) == "$0.00 before" == against(6, 0, 3, money)
    assert moved(6, None, 3, money) == "unknown before"
    assert moved(6, 0, 0, money) == "no earlier data"


def test_a_breaker_that_a_decision_found_closed_is_called_healthy_as_everywhere():
    assert badge("closed") == badge("healthy")
