"""Who is told of what needs somebody: once when it begins, once when it is over, and only whom it concerns."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from profiling.jobs import job_kinds
from providers.attention import Notice
from providers.catalog import build
from providers.errors import CredentialRejected
from providers.models import Provider
from providers.targets import Secret
from routing.models import WorkerTrouble
from routing.resilience import Health
from routing.troubles import TroubleWatch, troubles
from tenants.alertrows import AlertDelivery, AlertReceiver, ToldFinding
from tenants.delivering import keep_email
from tenants.findingalerts import Graded, tell
from tenants.models import Tenant
from tests.routing.factories import target

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_var")]
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REJECTED = Notice("openai: credential …1234 is rejected", "It is not used.", "/admin/x", about="credential 1")
SLOW = Notice("openai/gpt is slow", "Answers come late.", "/dashboard/latency/", about="slow openai/gpt")


def receiver(findings: str, tenant: Tenant | None = None, **values: object) -> AlertReceiver:
    made = AlertReceiver(name=f"{findings}-{tenant}", tenant=tenant, findings=findings, **values)
    keep_email(made, "ops@example.com")
    made.save()
    return made


def told(to: AlertReceiver) -> list[tuple[str, str]]:
    rows = AlertDelivery.objects.filter(receiver=to).order_by("pk")
    return [(row.message["event"], row.message["finding"]["about"]) for row in rows]


def test_a_finding_is_told_once_when_it_begins_and_once_when_it_is_over(settings):
    settings.PUBLIC_URL = "https://llm.example.com"
    ops = receiver("all")
    for minute in range(5):
        tell([Graded(REJECTED, 0)], True, NOW + minute * MINUTE)
    assert told(ops) == [("finding.began", "credential 1")]
    said = AlertDelivery.objects.get().message
    assert said["text"] == "openai: credential …1234 is rejected. It is not used."
    assert (said["finding"]["harm"], said["tenant"]) == ("failing", None)
    assert said["page"] == "https://llm.example.com/admin/x"
    for minute in range(5, 30):
        tell([], True, NOW + minute * MINUTE)
    assert told(ops) == [("finding.began", "credential 1"), ("finding.ended", "credential 1")]
    assert AlertDelivery.objects.first().message["text"] == "Over: openai: credential …1234 is rejected."
    tell([Graded(REJECTED, 0)], True, NOW + 30 * MINUTE)
    assert len(told(ops)) == 3, "it begins anew"


def test_what_comes_and_goes_is_one_finding():
    ops = receiver("all")
    for minute in range(40):
        tell([Graded(SLOW, 1)] if minute % 2 else [], True, NOW + minute * MINUTE)
    assert told(ops) == [("finding.began", "slow openai/gpt")]
    assert ToldFinding.objects.get().gone_at is None


def test_what_there_was_no_room_for_is_not_over():
    ops = receiver("all")
    tell([Graded(SLOW, 1)], True, NOW)
    for minute in range(30):
        tell([], False, NOW + minute * MINUTE)
    assert len(told(ops)) == 1


def test_each_hears_the_harm_that_it_chose_and_what_gets_worse_when_it_does():
    few, some, all_of_it, none = (receiver(each) for each in ("failing", "harmful", "all", "none"))
    changed = Notice("a price changed", "", "/", about="price 1")
    tell([Graded(REJECTED, 0), Graded(SLOW, 1), Graded(changed, 2)], True, NOW)
    assert [len(told(each)) for each in (few, some, all_of_it, none)] == [1, 2, 3, 0]
    tell([Graded(REJECTED, 0), Graded(SLOW, 0), Graded(changed, 2)], True, NOW + MINUTE)
    assert [len(told(each)) for each in (few, some, all_of_it, none)] == [2, 2, 3, 0]


def test_a_tenant_s_finding_goes_to_its_receivers_alone():
    mine, other = (Tenant.objects.create(name=name) for name in ("mine", "other"))
    ours, theirs, everybody = receiver("all", mine), receiver("all", other), receiver("all")
    ending = Notice("key ends", "", "/", about="key 1 ends", tenant=mine.pk)
    shared = Notice("openai is down", "", "/", about="openai", shared=True)
    tell([Graded(ending, 1), Graded(shared, 0)], True, NOW)
    assert told(ours) == [("finding.began", "key 1 ends")] and told(theirs) == []
    assert told(everybody) == [("finding.began", "openai")]
    assert AlertDelivery.objects.get(receiver=ours).message["tenant"] == "mine"


def test_a_threshold_is_not_told_twice():
    mine = Tenant.objects.create(name="mine")
    both, findings_alone = receiver("all", mine), receiver("harmful", mine, budget_alerts=False)
    AlertReceiver.objects.filter(pk=findings_alone.pk).update(findings="all")
    passed = Notice("mine: 80 % spent", "", "/", about="budget 1", level="budget", tenant=mine.pk)
    tell([Graded(passed, 2)], True, NOW)
    assert told(both) == [] and told(findings_alone) == [("finding.began", "budget 1")]


def test_the_job_tells_what_the_board_the_workers_and_the_machine_know(django_assert_max_num_queries):
    ops = receiver("all")
    now = datetime.now(UTC)
    row = {
        "what": "openai: rejected",
        "effect": "",
        "link": "/",
        "level": "refused",
        "about": "credential 1",
    }
    WorkerTrouble.objects.create(worker="web:1", told=[row], at=now)
    WorkerTrouble.objects.create(worker="web:2", told=[row | {"about": "gone"}], at=now - timedelta(minutes=5))
    job_kinds()["attention"].run(None, print)
    assert set(told(ops)) == {("finding.began", "credential 1"), ("finding.began", "no provider"),
                              ("finding.began", "no mail server")}  # fmt: skip
    with django_assert_max_num_queries(60):
        assert job_kinds()["attention"].run(None, print)["told"] == 0, "not each minute"


def test_a_worker_writes_down_what_needs_somebody_and_that_it_is_over():
    key, health = Secret(1, "sk-one", "-one"), Health()
    one = target("a/one", 1, provider_id=1, secrets=(key,))
    watch, now = TroubleWatch(health, lambda: build([one])), datetime.now(UTC)
    watch.keep(now)
    assert not WorkerTrouble.objects.exists(), "nothing is written while all is well"
    health.failed(one, key, CredentialRejected(), monotonic())
    watch.keep(now)
    assert [each.level for each in troubles(now)] == ["refused"]
    watch.keep(now + timedelta(seconds=5))
    assert WorkerTrouble.objects.get().at == now, "not written each time"
    watch.keep(now + timedelta(minutes=2))
    assert WorkerTrouble.objects.get().at > now
    Provider.objects.create(name="a", wire="openai", base_url="https://a.example", source=Provider.Source.DRILL)
    assert list(troubles(now)) == [], "the drill's own deployments fail on purpose"
    health.forget()
    watch.keep(now + timedelta(minutes=3))
    assert WorkerTrouble.objects.get().told == []
