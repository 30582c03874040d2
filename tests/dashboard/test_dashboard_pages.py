"""What a person sees on the dashboard: true sums, links that keep the question, requests one by one."""

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User

from dashboard.attention import check
from dashboard.board import board
from dashboard.colours import OTHER
from dashboard.formatting import count, money
from dashboard.pages import NAVIGATION
from tenants.models import Tenant
from tests.dashboard.traffic import NAMES, day, outcome, ship
from usage import spool
from usage.journal import Journal

pytestmark = pytest.mark.django_db
PATHS = [f"/dashboard/{page.path}" for page in NAVIGATION]
NOW = datetime.now(UTC)


def text_of(answer) -> str:
    """The page as a reader sees it: no tags, no data blocks, single spaces."""
    page = re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(page))


@pytest.mark.parametrize("path", [*PATHS, "/dashboard/find/?id=1", "/dashboard/requests/req_1/"])
def test_strangers_are_sent_to_the_login(client, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/?next=")


@pytest.mark.parametrize("path", PATHS)
def test_an_account_without_staff_rights_is_refused_and_told(client, path):
    client.force_login(User.objects.create_user("visitor"))
    answer = client.get(path)
    assert answer.status_code == 403
    assert "Only staff accounts" in text_of(answer)


@pytest.mark.django_db(transaction=True)  # two batches are two transactions
@pytest.mark.parametrize("path", PATHS)
def test_statement_21_a_page_asks_at_most_twelve_questions_whatever_it_holds(
    staff_client, path, tmp_path, django_assert_max_num_queries, django_assert_num_queries
):
    ship(day(NOW, 20, hours=20), tmp_path / "few")
    with django_assert_max_num_queries(12) as few:
        staff_client.get(path)
    ship(day(NOW, 200, hours=20, seed=8), tmp_path / "more")
    with django_assert_num_queries(len(few)):
        staff_client.get(path)


SIX = ["Requests", "Success", "Cost", "Savings", "First token, p95", "Failed over"]


def test_home_shows_the_sums_of_what_happened(staff_client, traffic):
    page = text_of(staff_client.get("/dashboard/"))
    cost = sum(told.cost_nano_usd or 0 for told in traffic)
    assert f"Requests {count(len(traffic))} " in page
    assert f"Cost {money(cost)} " in page
    assert f"Failed over {sum(told.failovers > 0 for told in traffic)} " in page
    lost = [sum(told.status == state for told in traffic) for state in ("failed", "interrupted")]
    whole = staff_client.get("/dashboard/").content.decode()
    assert f" {sum(lost)} errors " in page and sum(lost) > 1
    assert f"; {lost[0]} failed, {lost[1]} interrupted" in whole
    assert re.findall(r'<div class="label">([^<]+)</div>', whole.partition('class="tiles')[2])[:6] == SIX


@pytest.mark.parametrize("group", ["provider", "model", "deployment", "tenant", "key", "policy"])
def test_every_grouping_of_cost_has_the_same_total(staff_client, traffic, group):
    page = staff_client.get(f"/dashboard/cost/?group={group}").content.decode()
    rows = re.findall(r'<strong><data value="([\d.]+)"', page)
    *parts, whole = [round(float(row) * 1e9) for row in rows]
    assert whole == sum(told.cost_nano_usd or 0 for told in traffic)
    assert sum(parts) == whole


@pytest.mark.parametrize("group", ["deployment", "model"])
def test_a_chart_and_the_tables_beside_it_give_an_entity_one_colour(staff_client, traffic, group):
    page = staff_client.get(f"/dashboard/cost/?group={group}").content.decode()
    legend = set(re.findall(r'<li><span class="key f(\d)"></span>(sandbox[^<]+)</li>', page))
    table = set(re.findall(r'<span class="key f(\d)"></span>(sandbox[^<]+)</a>', page))
    assert legend
    assert legend <= table
    assert len({name for _, name in table}) == len(table), "what moved, and what costs how much"


def test_statement_15_a_model_has_one_colour_in_every_panel_of_cost_and_latency(staff_client, traffic):
    check(datetime.now(UTC))
    kept = board().colours
    met = set()
    for address in ("cost/?group=model", "cost/?group=model&range=1h", "latency/?group=model", "reliability/"):
        page = staff_client.get(f"/dashboard/{address}").content.decode()
        met |= set(re.findall(r'class="key f(\d)"></span>(sandbox[^<]+)<', page))
    drawn = {(int(colour), name) for colour, name in met if int(colour) != OTHER}
    assert len(drawn) >= 4 and all(kept[name] == colour for colour, name in drawn)


def test_statement_10_an_unpriced_model_is_named_and_never_free(staff_client, traffic):
    check(datetime.now(UTC))
    page = text_of(staff_client.get("/dashboard/"))
    assert "sandbox-ollama/sandbox-unpriced has no price" in page
    row = re.search(r"sandbox-unpriced</a>.*?</tr>", staff_client.get("/dashboard/cost/").content.decode(), re.DOTALL)
    assert row
    assert "$0.00" not in row[0]
    assert "unknown: no price" in row[0]


@pytest.mark.django_db(transaction=True)
def test_a_deployment_whose_last_calls_failed_is_named(staff_client, tmp_path):
    told = day(NOW, 600, hours=1)
    lost = [one for one in told if one.attempts[0].error == "Overloaded" and one.first_choice == NAMES[0]][:3]
    first = lost[-1]
    ship(lost[:2], tmp_path / "early")
    check(datetime.now(UTC))
    assert f"{NAMES[0]}: its last" not in text_of(staff_client.get("/dashboard/")), "two may be chance"
    ship([first], tmp_path / "spool")
    said = f"{first.first_choice}: its last 3 calls failed (provider overloaded or broken)"
    check(datetime.now(UTC))
    home = staff_client.get("/dashboard/")
    assert said in text_of(home)
    (link,) = re.findall(r'href="([^"]+)"><span[^>]*>[^<]*</span>Requests that failed there', home.content.decode())
    listed = staff_client.get(link.replace("&amp;", "&")).content.decode()
    assert set(re.findall(r"requests/req_(\w+)", listed)) == {one.id for one in lost}, "whoever answered them then"
    again = next(one for one in told if one.id > first.id and one.attempts[-1].deployment == first.first_choice)
    ship([again], tmp_path / "later")
    check(datetime.now(UTC))
    assert said not in text_of(staff_client.get("/dashboard/"))


def test_a_tenant_sees_its_own_sums(staff_client, traffic):
    Tenant.objects.create(pk=2, name="team-a")
    own = [told for told in traffic if told.tenant == "team-a"]
    assert f"Requests {len(own)} " in text_of(staff_client.get("/dashboard/?tenant=team-a"))
    listed = staff_client.get("/dashboard/requests/?tenant=team-a").content.decode()
    assert "nr-teama" in listed
    assert "nr-demo1" not in listed


def test_filters_stay_when_the_page_changes(staff_client):
    page = staff_client.get(
        "/dashboard/cost/?range=7d&tenant=demo&provider=openai&group=key&tz=Asia/Kolkata"
    ).content.decode()
    for other in ("requests", "latency", "reliability"):
        assert f'href="/dashboard/{other}/?range=7d&amp;tz=Asia%2FKolkata&amp;tenant=demo&amp;provider=openai"' in page


def test_statement_24_older_requests_follow_page_by_page_and_none_is_missed(staff_client, traffic):
    seen, path = [], "/dashboard/requests/?range=24h"
    while path:
        page = staff_client.get(path).content.decode()
        seen += re.findall(r'href="/dashboard/requests/req_([0-9a-f]{32})/"', page)
        older = re.search(r'href="([^"]*)">Older', page)
        path = older and older[1].replace("&amp;", "&")
    assert seen == sorted((told.id for told in traffic), reverse=True)


def test_the_list_can_be_narrowed_to_who_failed_over(staff_client, traffic):
    page = staff_client.get("/dashboard/requests/?status=failover").content.decode()
    listed = set(re.findall(r"req_([0-9a-f]{32})", page))
    assert listed == set(sorted((t.id for t in traffic if t.failovers), reverse=True)[:50])


def test_what_is_measured_for_all_tenants_is_one_click_away_from_one_of_them(staff_client, traffic):
    page = staff_client.get("/dashboard/latency/?range=7d&tenant=team-a").content.decode()
    links = re.findall(r'<a href="([^"]+)">Remove the tenant filter</a>', page)
    assert links == ["/dashboard/latency/?range=7d"] * 2
    assert "Our own time over the range: p50" in staff_client.get(links[0]).content.decode()


def test_a_sentence_of_latency_says_times_as_the_table_does(staff_client, traffic):
    page = text_of(staff_client.get("/dashboard/latency/"))
    said = re.findall(r"over the range: p50 (\S+ \S+), p95 (\S+ \S+), p99 (\S+ \S+), of", page)
    assert len(said) == 4 and said[0][0].endswith(" ms"), "a median below a second"
    assert all(re.fullmatch(r"\d\.\d ms|\d{2,3} ms|[1-9]\d?\.\d\d s", each) for line in said for each in line)


def test_the_bill_of_what_cost_nothing_says_so_and_keeps_the_billionths_in_titles(staff_client, traffic):
    free, paid = (
        next(r for r in traffic if r.status == "answered" and r.attempts_count == 1 and bool(r.cost_nano_usd) is known)
        for known in (False, True)
    )
    for record, said in ((free, "$0.00"), (paid, money(paid.cost_nano_usd))):
        page = staff_client.get(f"/dashboard/requests/req_{record.id}/").content.decode()
        bill = page.partition("The bill, attempt by attempt")[2].partition("</table>")[0]
        exact = f"{record.cost_nano_usd / 1e9:.9f}"
        assert bill.count(f'title="${exact}">{said}</data>') == 2


def test_a_link_of_the_flow_leads_to_exactly_these_requests(staff_client, traffic):
    page = staff_client.get("/dashboard/panels/reliability/flow/").content.decode()
    links = re.findall(r'<td class="n"><a href="([^"]+)">([\d,]+)</a>', page)
    assert sum(int(number) for _, number in links) == len(traffic)
    for link, number in links:
        if int(number) <= 50:
            listed = staff_client.get(link.replace("&amp;", "&")).content.decode()
            assert len(re.findall(r"requests/req_", listed)) == int(number)


def test_a_request_tells_its_story(staff_client, traffic):
    told = next(t for t in traffic if t.failovers and t.cost_nano_usd)
    page = text_of(staff_client.get(f"/dashboard/requests/req_{told.id}/"))
    for text in (told.first_choice, told.attempts[0].error, money(told.cost_nano_usd), "context 8,192 < 11,400 needed"):
        assert text in page
    assert "commit point" in page


def test_a_request_is_there_before_it_is_shipped(staff_client, own_var):
    told = outcome(NOW, random.Random(1))
    journal = Journal(own_var / spool.NAME, "test")
    journal.write(told)
    assert told.first_choice in text_of(staff_client.get(f"/dashboard/requests/{told.id}/"))
    journal.close()


@pytest.mark.parametrize("pasted", ["req_{}", "{}", " req_{} "])
def test_statement_06_a_pasted_id_leads_to_its_request(staff_client, traffic, pasted):
    answer = staff_client.get("/dashboard/find/", {"id": pasted.format(traffic[0].id)})
    assert answer.url == f"/dashboard/requests/req_{traffic[0].id}/"


@pytest.mark.parametrize("path", ["/dashboard/requests/hello/", f"/dashboard/requests/{'0' * 32}/"])
def test_an_id_that_is_none_is_not_found_and_says_so(staff_client, path):
    answer = staff_client.get(path)
    assert answer.status_code == 404
    assert "id" in text_of(answer)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "query",
    [
        "range=2w",
        "range=custom",
        "range=custom&from=2026-01-01T00:00&to=2026-03-01T00:00&tz=Asia/Kolkata",
        "tz=../../etc",
        "cursor=hello&status=hello&key=hello&group=hello",
        "key=" + "9" * 18,
        "provider=" + "x" * 300,
        "tenant=-1&provider=-&model=%00",
    ],
)
def test_any_words_in_the_address_give_a_page(staff_client, path, query):
    answer = staff_client.get(f"{path}?{query}")
    assert answer.status_code == 200
    assert "could not be drawn" not in text_of(answer)


def test_statement_31_text_of_callers_is_shown_as_text(staff_client, tmp_path):
    evil = "<script>alert(1)</script>"
    words = {"asked_model": evil, "tags": [evil], "session": "javascript:alert(1)"}
    told = outcome(NOW - timedelta(minutes=2), random.Random(1), **words)
    ship([told], tmp_path / "spool")
    for path in ("/dashboard/", "/dashboard/requests/", f"/dashboard/requests/req_{told.id}/"):
        page = staff_client.get(path).content.decode()
        assert "<script>alert" not in page
        assert 'href="javascript:' not in page


def test_an_address_without_a_page_says_so_in_plain_words(staff_client):
    answer = staff_client.get("/dashboard/no-such-page/")
    assert answer.status_code == 404 and "There is no page at this address." in text_of(answer)
    assert "Resolver404" not in answer.content.decode()


def test_statement_16_instants_in_panels_are_by_the_clock_of_the_page(staff_client, traffic):
    check(datetime.now(UTC))
    newest, kolkata = traffic[-1], ZoneInfo("Asia/Kolkata")
    came = f"{datetime.fromtimestamp(newest.started_us / 1e6, kolkata):%H:%M:%S}"
    for path in ("", "requests/", f"requests/req_{newest.id}/", "panels/requests/request_list/"):
        assert came in text_of(staff_client.get(f"/dashboard/{path}?tz=Asia/Kolkata")), path
    last = board().checked_at.astimezone(kolkata)
    assert f"Last check {last:%H:%M:%S}." in text_of(staff_client.get("/dashboard/?tz=Asia/Kolkata"))
