"""Classes of error are said in plain words, in one way; their names stand where a caller of the API needs them."""

import re
from collections import Counter
from html import unescape

import pytest

import neuroroute.asgi  # noqa: F401 - whatever the gateway can answer with is defined then
from dashboard.errorclasses import ENDED, error_classes
from providers import errors
from providers.errors import ProviderError
from providers.errorwords import IN_WORDS, OURS, in_words, reworded
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_choices import offered

CLASS = re.compile(r"\b(?:Overloaded|RateLimited|Unreachable|AllAttemptsFailed)\b")


def test_every_class_has_words_of_its_own_that_are_no_name_of_a_class():
    ours = [name for name in error_classes() if name in IN_WORDS or not _of_a_test(name)]
    assert [name for name in ours if name not in IN_WORDS] == []
    assert [words for words, times in Counter(IN_WORDS.values()).items() if times > 1] == []
    assert not [words for words in IN_WORDS.values() if re.search(r"[a-z][A-Z]|_", words)]


def test_every_way_in_which_an_attempt_can_fail_can_be_said_of_a_deployment():
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ProviderError)}
    assert kinds - {"ProviderError"} <= ENDED.keys()


def test_a_fault_of_ours_and_an_unknown_class_are_said_too():
    assert in_words("KeyError") == in_words("Internal") == OURS
    assert in_words("OfAnotherVersion") == "OfAnotherVersion"
    assert reworded("Overloaded, 5 in a row") == "provider overloaded or broken, 5 in a row"
    assert reworded("set aside by hand") == "set aside by hand"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["reliability/", "requests/?status=failed", "requests/?error=Overloaded"])
def test_pages_say_words_and_keep_the_class_for_titles_and_brackets(staff_client, traffic, address):
    page = re.sub(
        r"<(script|select)\b.*?</\1>", "", staff_client.get(f"/dashboard/{address}").content.decode(), flags=re.S
    )
    text = unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]))
    bare = re.sub(r"\(\w+\)|error: \w+|called \w+", "", text)
    assert not CLASS.findall(bare), CLASS.search(bare)
    assert any(in_words(name) in text for name in ("Overloaded", "RateLimited", "Unreachable", "AllAttemptsFailed"))
    assert CLASS.search(page), "in titles and links"


@pytest.mark.django_db
def test_the_file_of_a_chart_has_the_names_that_the_api_knows(staff_client, traffic):
    head = rows_of(staff_client, "reliability/errors_over_time")[0]
    assert {"Overloaded", "RateLimited", "Unreachable"} <= set(head)


@pytest.mark.django_db
def test_a_class_is_found_by_its_words(staff_client):
    assert offered(staff_client, "error", "no answer in") == ["UpstreamTimeout"]


def _of_a_test(name: str) -> bool:
    kinds = ProviderError.__mro__[1].__subclasses__()
    while kinds and (kind := kinds.pop()):
        if kind.__name__ == name:
            return kind.__module__.startswith("tests.")
        kinds.extend(kind.__subclasses__())
    return False
