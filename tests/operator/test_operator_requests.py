"""The list of requests through the operator's API: what the dashboard lists, for scripts."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tenants import keys
from tenants.models import Membership, Tenant
from tests.dashboard.traffic import day, ship
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

END = datetime(2026, 3, 10, 12, tzinfo=UTC)
AT = f"since={END - timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}&until={END:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def told(db, own_var, tmp_path):
    """Sixty requests of two tenants, newest first."""
    for pk, name in ((1, "demo"), (2, "team-a")):
        Tenant.objects.create(pk=pk, name=name)
    outcomes = day(END, 60, hours=20)
    ship(outcomes, tmp_path / "spool")
    return sorted(outcomes, key=lambda one: one.id, reverse=True)


@pytest.fixture
def call(told):
    return Caller(keys.issue(Tenant.objects.create(name="ops"), "script", operator=True)[1])


def listed(call, query):
    answer = call("GET", f"requests?{AT}&{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_pages_have_every_request_once_newest_first(call, told):
    found, path = [], f"requests?{AT}&limit=25"
    while path:
        answer = call("GET", path).json()
        found += [row["id"] for row in answer["data"]]
        path = (answer["next"] or "").removeprefix("/api/admin/")
    assert found == [f"req_{one.id}" for one in told]
    upwards = listed(call, "ordering=time&limit=200")["data"]
    assert [row["id"] for row in upwards] == found[::-1]


def test_a_row_has_what_its_record_has(call, told):
    rows = {row["id"]: row for row in listed(call, "limit=200")["data"]}
    for one in told:
        row = rows[f"req_{one.id}"]
        assert (row["tenant"], row["status"], row["task"]) == (one.tenant, one.status, one.category)
        assert (row["attempts"], row["prompt_tokens"], row["tags"]) == (len(one.attempts), one.prompt_tokens, one.tags)
        assert (row["cost_usd"] is None) == (one.cost_nano_usd is None)
        assert one.cost_nano_usd is None or round(float(row["cost_usd"]) * 1e9) == one.cost_nano_usd


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("tenant=team-a", lambda one: one.tenant == "team-a"),
        ("status=failover", lambda one: one.failovers > 0),
        ("status=errors", lambda one: one.status in ("failed", "interrupted")),
        ("provider=sandbox-openai", lambda one: one.provider == "sandbox-openai"),
        ("deployment=sandbox-openai%2Fsandbox-mini", lambda one: one.model == "sandbox-mini"),
        ("task=coding", lambda one: one.category == "coding"),
        ("error=RateLimited", lambda one: any(each.error == "RateLimited" for each in one.attempts)),
        ("key=2", lambda one: one.key_id == 2),
        ("provider=-", lambda one: one.provider is None),
        ("min_cost=0.001", lambda one: (one.cost_nano_usd or 0) >= 1_000_000),
        ("max_cost=0", lambda one: one.cost_nano_usd == 0),
        ("min_ttft=300&min_total=900", lambda one: (one.ttft_ms or 0) >= 300 and one.total_ms >= 900),
        ("min_attempts=2", lambda one: len(one.attempts) > 1),
        ("streamed=no&tenant=demo", lambda one: not one.stream and one.tenant == "demo"),
        ("status=failover&streamed=yes", lambda one: one.stream and one.failovers > 0),
    ],
)  # fmt: skip
def test_a_filter_keeps_what_fits(call, told, query, fits):
    found = {row["id"] for row in listed(call, f"{query}&limit=200")["data"]}
    assert found == {f"req_{one.id}" for one in told if fits(one)}


def test_the_dearest_come_first_and_say_among_how_many(call, told):
    answer = listed(call, "ordering=-cost&limit=5")
    dearest = sorted((one.cost_nano_usd for one in told if one.cost_nano_usd is not None), reverse=True)[:5]
    assert [round(float(row["cost_usd"]) * 1e9) for row in answer["data"]] == dearest
    assert (answer["looked"], answer["next"]) == (60, None)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("status=failed_over", "status"), ("tenant=team-b", "tenant"), ("key=nobody%2Fci", "key"),
        ("since=yesterday", "since"), ("cursor=garbage", "cursor"), ("limit=0", "limit"),
        ("ordering=price", "ordering"), ("colour=red", "colour"),
        ("since=2020-01-01T00:00:00Z", "since"), (f"until={quote('2020-01-01T00:00:00+01:00')}", "since"),
        ("min_cost=1e3", "min_cost"), ("max_cost=1000001", "max_cost"), ("min_cost=0.0000000001", "min_cost"),
        ("min_ttft=0.5", "min_ttft"), ("min_attempts=-1", "min_attempts"), ("streamed=true", "streamed"),
        ("ordering=-cost&cursor=req_0192f3a4b5c67d8e9f00112233445566", "cursor"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_named(call, query, param):
    answer = call("GET", f"requests?{AT}&{query}")
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["param"] == param and error["message"].startswith(f"{param}: ")


def test_a_name_that_nothing_has_is_doubted_where_nothing_is_found(call):
    assert listed(call, "provider=opnai")["warnings"] == ["provider: nothing is called opnai now"]
    assert listed(call, "provider=sandbox-openai")["warnings"] == []


def test_one_request_is_told_whole(call, told):
    one = next(each for each in told if len(each.attempts) == 2)
    story = call("GET", f"requests/req_{one.id}").json()
    assert (story["tenant"], story["decision"]["policy"], len(story["attempts"])) == (one.tenant, "balanced", 2)
    assert call("GET", "requests/req_0192f3a4b5c67d8e9f00112233445566").status_code == 404
    assert call("GET", "requests/nonsense").status_code == 404


def test_a_member_sees_the_requests_of_the_own_tenants(told):
    ana = staff("ana")
    Membership.objects.create(user=ana, tenant_id=2)
    call = Caller("", browser_of(ana))
    found = {row["id"] for row in listed(call, "limit=200")["data"]}
    assert found == {f"req_{one.id}" for one in told if one.tenant == "team-a"}
    other = next(one for one in told if one.tenant == "demo")
    assert call("GET", f"requests/req_{other.id}").status_code == 404
    assert call("GET", f"requests?{AT}&tenant=demo").json()["error"]["param"] == "tenant"
    assert listed(call, "key=1")["data"] == []


def test_strangers_see_nothing(told):
    assert Caller("nr-nonsense-nonsense")("GET", "requests").status_code == 401
    assert Caller("", browser_of(User.objects.create_user("eve")))("GET", "requests").status_code == 403
    assert Client().get("/api/admin/requests").status_code == 401
