"""From the heading of a panel to the requests that it is about: the same range, the same filters."""

import re
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from tests.dashboard.downloads import rows_of

pytestmark = pytest.mark.django_db
MINI = "sandbox-openai/sandbox-mini"


def behind(browser: Client, page: str, panel: str, **words: str) -> dict[str, str] | None:
    """The words of the address in the heading of a panel; None: it has none."""
    drawn = browser.get(f"/dashboard/{page}/", words).content.decode().split(f'id="panel-{panel}"')[1]
    found = re.search(r'href="(/dashboard/requests/[^"]*)"', drawn.split("</header>")[0])
    return dict(parse_qsl(urlsplit(unescape(found[1])).query)) if found else None


def listed(browser: Client, words: dict[str, str]) -> set[str]:
    return {row[1].removeprefix("req_") for row in rows_of(browser, "requests/request_list", **words)[1:]}


@pytest.mark.parametrize("panel", ["deployments", "state_timeline"])
def test_what_is_told_of_deployments_leads_to_the_requests_of_the_range_or_of_the_one_that_is_chosen(
    staff_client, traffic, panel
):
    every = behind(staff_client, "reliability", panel, range="7d")
    assert every == {"range": "7d"} and listed(staff_client, every) == {one.id for one in traffic}
    own = behind(staff_client, "reliability", panel, range="7d", deployment=MINI)
    served = {one.id for one in traffic if f"{one.provider}/{one.model}" == MINI}
    assert listed(staff_client, own) == served < {one.id for one in traffic}


def test_failed_attempts_lead_to_their_requests_where_these_are_listed(staff_client, traffic):
    failed = {one.id for one in traffic if any(each.error and each.deployment == MINI for each in one.attempts)}
    provider, model = MINI.split("/")
    for words in ({"deployment": MINI}, {"provider": provider, "model": model}):
        found = behind(staff_client, "reliability", "errors_over_time", **words)
        assert found and listed(staff_client, found) == failed and failed
    for words in ({}, {"provider": provider}):
        assert behind(staff_client, "reliability", "errors_over_time", **words) is None


def test_the_hours_of_the_week_lead_to_the_answered_requests_of_their_weeks(staff_client, traffic):
    found = behind(staff_client, "latency", "latency_heatmap", range="24h", provider="sandbox-openai")
    start, end = (datetime.fromisoformat(found[word]) for word in ("from", "to"))
    assert found["range"] == "custom" and timedelta(0) <= end - start - timedelta(days=7) < timedelta(minutes=15)
    own = {one.id for one in traffic if one.status == "answered" and one.provider == "sandbox-openai"}
    assert listed(staff_client, found) == own and own


def test_the_slowest_of_a_group_are_found_where_its_p99_leads(staff_client, traffic):
    drawn = staff_client.get("/dashboard/latency/", {"range": "7d", "group": "provider"}).content.decode()
    found = [parse_qsl(urlsplit(unescape(one)).query) for one in re.findall(r'class="above" href="([^"]+)"', drawn)]
    assert any("min_ttft" in dict(words) for words in found) and any("min_total" in dict(words) for words in found)
    for words in map(dict, found):
        own = [one for one in traffic if one.status == "answered" and one.provider == words["provider"]]
        figure = "total_ms" if "min_total" in words else "ttft_ms"
        slowest = max((one for one in own if getattr(one, figure) is not None), key=lambda one: getattr(one, figure))
        assert slowest.id in listed(staff_client, words)


def test_links_of_the_flow_lead_to_those_that_another_than_the_chosen_provider_rescued(staff_client, traffic):
    first, rescuer = next(
        (one.first_choice.split("/")[0], one.provider)
        for one in traffic
        if one.failovers and one.provider and not one.first_choice.startswith(f"{one.provider}/")
    )
    words = {"provider": first, "range": "7d"}
    drawn = staff_client.get("/dashboard/panels/reliability/flow/", words).content.decode()
    links = re.findall(r'<td class="n"><a href="([^"]+)">([\d,]+)</a>', drawn)
    assert any(f"served={rescuer}" in link for link, _ in links)
    for link, number in links:
        assert len(listed(staff_client, dict(parse_qsl(urlsplit(unescape(link)).query)))) == int(number), link
