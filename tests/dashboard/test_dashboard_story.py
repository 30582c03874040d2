"""What the page about one request tells: its sentence, its bill, its command, and what people said of the answer."""

import json
import random
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.test import Client
from msgspec import Raw
from msgspec.structs import replace

from dashboard.curls import curl_of
from dashboard.panels.request_candidates import RequestCandidates
from dashboard.panels.request_features import RequestFeatures
from dashboard.panels.request_money import RequestMoney
from dashboard.scope import scope_of
from dashboard.sentences import sentence
from feedback.models import Rating
from providers.models import Deployment, LanguageModel, Provider
from providers.pricerows import DeploymentPrice
from tenants.models import Tenant
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff
from usage.journal import Journal
from usage.outcomes import AttemptOutcome, Outcome

NOW = datetime(2026, 11, 21, 14, 3, 20, tzinfo=UTC)
WHY = "best score 0.83 under balanced, mostly for cost; 5 of 6 candidates eligible"


def tried(index: int, name: str, error: str | None = None, **facts: object) -> AttemptOutcome:
    provider, model = name.split("/")
    plain = AttemptOutcome(index, index, name, provider, model, status="failed" if error else "answered", error=error)
    return msgspec.structs.replace(plain, **facts)


def told(*attempts: AttemptOutcome, **facts: object) -> Outcome:
    """A request whose first choice was a/x; who spoke last answered it, unless `facts` say otherwise."""
    spoke = next((a for a in reversed(attempts) if a.committed or a.status == "answered"), None)
    return Outcome(
        **{
            "id": "019ab000000070008000000000000001",
            "started_us": int(NOW.timestamp() * 1e6),
            "tenant_id": 1,
            "tenant": "demo",
            "key_id": 1,
            "key_prefix": "nr-demo1",
            "asked_model": "auto",
            "status": "answered" if spoke else "failed",
            "first_choice": "a/x",
            "why": WHY,
            "attempts": list(attempts),
            "attempts_count": len(attempts),
            "provider": spoke and spoke.provider,
            "model": spoke and spoke.model,
        }
        | facts
    )


SENTENCES = {
    "the first choice answered": (told(tried(1, "a/x")), "a", [f"because it had the {WHY}"]),
    "a direct model": (told(tried(1, "a/x"), why="the only deployment"), "a", ["because it was the only deployment"]),
    "failover": (
        told(tried(1, "a/x", "RateLimited"), tried(2, "b/y")),
        "b",
        [f"first choice a/x ({WHY.replace('; ', ', ')}) was rate limited"],
    ),
    "passed over": (told(tried(1, "b/y"), why=None), "b", ["first choice a/x was passed over"]),
    "a second try": (
        told(tried(1, "a/x", "Overloaded"), tried(2, "a/x", kind="retry"), why=None),
        "a",
        ["it was overloaded the first time"],
    ),
    "all failed": (
        told(tried(1, "a/x", "Overloaded"), tried(2, "b/y", "UpstreamTimeout"), tried(3, "a/x", "Overloaded")),
        "",
        ["a/x was overloaded (2 times)", "b/y did not answer in time"],
    ),
    "refused": (told(status="rejected", first_choice=None, why=None), "", ["refused before any provider was asked"]),
    "nobody able": (told(first_choice=None, why=None), "", ["no provider could be asked"]),
    "nobody covered": (told(), "", ["no provider could be asked"]),
    "nobody eligible": (
        told(first_choice=None, why="nobody of 2 is eligible: context 2"),
        "",
        ["no provider could be asked", "nobody of 2 is eligible: context 2"],
    ),
    "a lost race": (
        told(tried(1, "a/x"), tried(2, "b/y", kind="hedge", status="cancelled"), why=None),
        "a",
        ["b/y, started beside it as the first token was late, was not needed"],
    ),
    "a won race": (
        told(tried(1, "a/x", status="cancelled"), tried(2, "b/y", kind="hedge"), why=None),
        "b",
        ["first choice a/x was slow to begin, and the hedged request beside it was sooner"],
    ),
    "recovered": (
        told(tried(1, "a/x", "Unreachable", committed=True), tried(2, "b/y", kind="recovery"), why=None),
        "b",
        ["first choice a/x broke off after it had begun, and the other went on with it"],
    ),
    "interrupted": (
        told(tried(1, "a/x", "Unreachable", status="interrupted", committed=True), status="interrupted", why=None),
        "a",
        ["its answer broke off"],
    ),
    "the client left": (
        told(tried(1, "a/x", status="cancelled"), status="cancelled", provider=None, model=None),
        "",
        ["a/x was given up", "the client left before the end"],
    ),
}


@pytest.mark.parametrize(("record", "provider", "parts"), SENTENCES.values(), ids=SENTENCES)
def test_the_sentence_tells_what_happened(record: Outcome, provider: str, parts: list[str]) -> None:
    said = sentence(record)
    assert (said.asked, said.provider, list(said.parts)) == ("auto", provider, parts)


def with_decision(**more: object) -> Outcome:
    decision = {"policy": "balanced", "version": 1, "weights": {"cost": 1}, "excluded": [], "candidates": []} | more
    return told(tried(1, "a/x"), decision=Raw(json.dumps(decision).encode()), features=Raw(b'{"prompt_tokens": 9}'))


def scope(record: Outcome, *rights: str):  # noqa: ANN201 - a Scope
    return scope_of("request", {}, NOW, record, tenants={}, may=lambda right: right in rights)


def test_a_quality_that_was_given_stands_beside_what_was_said_with_its_interval(db: None, tmp_path: Path) -> None:
    facts = {"provider": "a", "model": "x", "status": "answered"}
    said = [(outcome(NOW - timedelta(days=1, minutes=n), random.Random(n), **facts), 1.0) for n in range(8)]
    said += [(outcome(NOW - timedelta(days=2, minutes=n), random.Random(n), **facts), -1.0) for n in range(2)]
    ship([record for record, _ in said], tmp_path / "spool")
    tenants = {name: Tenant.objects.create(name=name) for name in ("team-a", "team-b")}
    for record, score in said:
        asked = {"request_id": record.id, "tenant": tenants["team-a"], "score": score}
        Rating.objects.create(**asked, created_at=NOW - timedelta(hours=1))
    too_late = {"request_id": said[0][0].id, "tenant": tenants["team-b"], "score": -1.0}
    Rating.objects.create(**too_late, created_at=NOW + timedelta(hours=1))
    listed = [{"deployment": "a/x", "quality": 0.7}, {"deployment": "b/y"}]
    asks = scope(with_decision(candidates=listed))
    rated, unrated = [row.rated for row in RequestCandidates().data(asks).rows]
    assert (rated.n, rated.mean) == (10, 0.8) and unrated is None
    assert (rated.low, rated.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    stranger = replace(asks, sight=frozenset({tenants["team-b"].pk}))
    assert RequestCandidates().data(stranger).rows[0].rated is None


def test_a_fact_names_whom_its_rule_ruled_out() -> None:
    out = [
        {"deployment": f"b/{n}", "rule": rule, "detail": ""}
        for n, rule in enumerate(["context", "context", "capability"])
    ]
    facts = {one.name: one.changed for one in RequestFeatures().data(scope(with_decision(excluded=out))).features}
    assert facts["prompt tokens"].endswith("context ruled out 2 candidates")
    wished = with_decision(wishes={"quality": 0.7}, excluded=[{"deployment": "b", "rule": "neuroroute.quality"}])
    facts = {one.name: one.changed for one in RequestFeatures().data(scope(wished)).features}
    assert facts["wish: quality"] == "its rules ruled out 1 candidate"


@pytest.fixture
def priced(db: None) -> Deployment:
    """A deployment whose price changed a day before `NOW`, and again a day after."""
    provider = Provider.objects.create(name="a", wire="openai", base_url="http://127.0.0.1:9")
    row = Deployment.objects.create(provider=provider, model=LanguageModel.objects.create(name="x"), upstream_model="x")
    for days, usd in ((-9, "9"), (-1, "2"), (1, "4")):
        DeploymentPrice.objects.create(deployment=row, effective_from=NOW + timedelta(days=days), input=usd, output=usd)
    return row


@pytest.mark.parametrize(("cost", "agrees"), [(2_000_000, True), (9_000_000, False), (None, None)])
def test_each_attempt_is_billed_by_the_price_that_was_in_effect(
    priced: Deployment, cost: int | None, agrees: bool
) -> None:
    attempt = tried(1, "a/x", deployment_id=priced.pk, prompt_tokens=900, completion_tokens=100, cost_nano_usd=cost)
    gone = tried(2, "b/y", deployment_id=priced.pk + 1)
    data = RequestMoney().data(scope(told(attempt, gone), "providers.view_deploymentprice"))
    first, second = data.bill
    assert (first.price.input, first.price.since, first.price.number) == (2, NOW - timedelta(days=1), 2)
    assert first.price.agrees is agrees
    assert first.price.address == f"/admin/providers/deployment/{priced.pk}/change/"
    assert second.price is None
    assert RequestMoney().data(scope(told(attempt))).bill[0].price.address == ""


def test_the_command_is_one_that_a_shell_reads_back() -> None:
    wishes = {"quality": 0.7, "provider": {"only": ["it's"]}}
    record = msgspec.structs.replace(with_decision(wishes=wishes), stream=True, session="s-1", asked_model="o'x")
    curl = curl_of(record)
    assert curl.path == "/v1/chat/completions"
    (body,) = shlex.split(curl.body)
    sent = json.loads(body)
    assert (sent["model"], sent["stream"], sent["provider"]) == ("o'x", True, {"only": ["it's"]})
    assert sent["neuroroute"] == {"quality": 0.7, "session_id": "s-1"}
    counted = msgspec.structs.replace(with_decision(**{"class": {"operation": "count_tokens"}}), surface="messages")
    assert curl_of(counted).path == "/v1/messages/count_tokens"
    assert curl_of(told(surface="carrier pigeon")) is None


@pytest.fixture
def answer(db: None, own_var: Path) -> Outcome:
    """An answer of tenant team-a, just journalled."""
    tenant = Tenant.objects.create(name="team-a")
    record = outcome(datetime.now(UTC), random.Random(), tenant_id=tenant.pk, tenant=tenant.name, status="answered")
    journal = Journal(own_var / "spool", f"test-{record.id}")
    journal.write(record)
    journal.close()
    return record


def post(client: Client, record: Outcome, **form: str) -> int:
    return client.post(f"/dashboard/requests/req_{record.id}/rate/", form).status_code


def test_who_may_rates_from_the_page_and_the_page_says_who_did(answer: Outcome) -> None:
    tenant = Tenant.objects.get()
    address = f"/dashboard/requests/req_{answer.id}/"
    operator = browser_of(staff("olga", "operator", tenants=(tenant,)))
    assert "Nobody has rated it" in operator.get(address).content.decode()
    assert post(operator, answer, score="-1", comment="no <b>sources</b>") == 302
    kept = Rating.objects.get()
    assert (kept.score, kept.comment, kept.person.get_username(), kept.key_id) == (
        -1,
        "no <b>sources</b>",
        "olga",
        None,
    )
    page = operator.get(address).content.decode()
    assert "<strong>olga</strong>" in page and "no &lt;b&gt;sources&lt;/b&gt;" in page
    assert post(operator, answer, score="1") == 302
    assert Rating.objects.get().score == 1  # a second opinion replaces the first
    assert post(operator, answer, score="7") == 400
    assert post(operator, answer, score="1", comment="\0") == 400


def test_a_viewer_reads_ratings_and_gives_none_and_a_stranger_finds_no_answer(answer: Outcome) -> None:
    viewer = browser_of(staff("vera", "viewer", tenants=(Tenant.objects.get(),)))
    page = viewer.get(f"/dashboard/requests/req_{answer.id}/").content.decode()
    assert "the right to add ratings" in page and 'name="score"' not in page
    assert post(viewer, answer, score="1") == 403
    other = Tenant.objects.create(name="team-b")
    assert post(browser_of(staff("otto", "operator", tenants=(other,))), answer, score="1") == 404
    assert not Rating.objects.exists()
