"""Who is told that a budget passed a threshold: once, signed, again where it was not taken, and nowhere inside."""

import hmac
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings
from django.urls import reverse

from profiling.hints import ask_for
from profiling.models import Job
from profiling.runner import run_due
from providers.models import AuditEntry
from tenants.alerting import notice
from tenants.alertrows import MOST_TRIES, AlertDelivery, AlertReceiver, BudgetAlert
from tenants.budgets import Budget, BudgetWindow
from tenants.delivering import deliver, forget_old, hook_of, keep_hook
from tenants.models import Tenant
from tenants.periods import Period, span_of
from tenants.webhooks import Hook, Undelivered, check_webhook, post, signature
from tests.dashboard.test_dashboard_pages import text_of
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
USD = 10**9
KEY = "a-signing-key-of-ours"


class Taking(ThreadingHTTPServer):
    """A receiver; `status` is what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taken)
        self.status, self.got = 204, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks/very-secret-path?sig=1"


class Taken(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers.items()), body))
        self.send_response(self.server.status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def taking() -> Iterator[Taking]:
    with Taking() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def budget(taking: Taking) -> Budget:
    tenant = Tenant.objects.create(name="team")
    made = Budget.objects.create(tenant=tenant, limit_usd=Decimal(25), period="day")
    receiver = AlertReceiver(tenant=tenant, budget=made, name="finance", allow_private=True)
    keep_hook(receiver, Hook(taking.url, KEY))
    receiver.save()
    return made


def spend(budget: Budget, usd: int, at: datetime) -> None:
    start = span_of(Period.DAY, "UTC", at.timestamp()).start
    BudgetWindow.objects.update_or_create(budget=budget, start=start, defaults={"spent": usd * USD})


def look(now: datetime) -> None:
    notice(now)
    deliver(now)


def test_each_threshold_is_told_once_in_each_period(budget, taking):
    now = datetime.now(UTC)
    spend(budget, 10, now)
    look(now)
    assert taking.got == []
    for usd, percents in ((13, [50]), (14, [50]), (26, [50, 100]), (27, [50, 100])):
        spend(budget, usd, now)
        look(now)
        look(now)
        assert [json.loads(body)["percent"] for _, _, body in taking.got] == percents, "80 and 100 at once are one"
    assert BudgetAlert.objects.count() == 3
    spend(budget, 13, now + timedelta(days=1))
    notice(now + timedelta(days=1))
    assert BudgetAlert.objects.count() == 4, "the next day begins anew"


def test_the_message_says_what_is_spent_and_is_signed(budget, taking):
    now = datetime.now(UTC)
    spend(budget, 20, now)
    look(now)
    ((path, headers, body),) = taking.got
    told = json.loads(body)
    assert path == "/hooks/very-secret-path?sig=1" and headers["content-type"] == "application/json"
    assert told["text"] == "team: 25 USD per day: 80 % is spent, past 80 %; what it does not cover is refused."
    assert (told["percent"], told["spent"], told["limit"], told["unit"]) == (80, "20", "25", "usd")
    at, digest = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["x-neuroroute-signature"]).groups()
    assert hmac.new(KEY.encode(), at.encode() + b"." + body, "sha256").hexdigest() == digest
    assert abs(int(at) - now.timestamp()) < 30


@pytest.mark.parametrize(("status", "why"), [(500, "HTTP 500"), (302, "HTTP 302")])
def test_what_was_not_taken_is_tried_again_and_given_up_at_last(budget, taking, status, why):
    now, taking.status = datetime.now(UTC), status
    spend(budget, 13, now)
    look(now)
    row = AlertDelivery.objects.get()
    assert (row.state, row.tries, row.problem) == ("waiting", 1, why) and row.due_at > now
    look(now)
    assert len(taking.got) == 1, "not before its pause is over"
    later = now + timedelta(hours=3)
    for _ in range(MOST_TRIES):
        deliver(later)
    row.refresh_from_db()
    assert (row.state, row.tries, len(taking.got)) == ("failed", MOST_TRIES, MOST_TRIES)


def test_a_receiver_that_comes_back_is_told(budget, taking):
    now, taking.status = datetime.now(UTC), 503
    spend(budget, 13, now)
    look(now)
    taking.status = 200
    deliver(now + timedelta(minutes=5))
    assert (AlertDelivery.objects.get().state, len(taking.got)) == ("sent", 2)


def test_the_job_does_it(budget, taking):
    spend(budget, 13, datetime.now(UTC))
    ask_for("budget_alerts", datetime.now(UTC))
    run_due()
    assert Job.objects.get(kind="budget_alerts").result == {"passed": 1, "delivered": 1, "to_try_again": 0}
    assert len(taking.got) == 1


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/x", "https://localhost/x", "https://10.0.0.1/x", "https://169.254.169.254/latest",
     "https://[::1]/x", "http://example.com/x", "ftp://example.com", "https://a:b@example.com/x"],
)  # fmt: skip
def test_nothing_inside_is_posted_to(url):
    with pytest.raises(ValueError, match=r"e\.g\. https"):
        check_webhook(url, allow_private=False)
    with pytest.raises(Undelivered):
        post(Hook(url, KEY), {}, False, datetime.now(UTC))


def test_a_name_that_leads_inside_is_not_called(taking, monkeypatch):
    inside = [(2, 1, 6, "", ("127.0.0.1", taking.server_address[1]))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: inside)
    with pytest.raises(Undelivered, match="private"):
        post(Hook("https://innocent.example.com/x", KEY), {}, False, datetime.now(UTC))
    assert taking.got == []


def test_a_public_address_may_have_a_query():
    check_webhook("https://hooks.example.com/a/b?sig=c", allow_private=False)


def test_an_address_goes_in_and_does_not_come_out(budget, taking):
    finance = browser_of(staff("fin", "finance", "every tenant"))
    page = finance.get("/dashboard/budgets/").content.decode()
    add = f"{reverse('admin:tenants_alertreceiver_add')}?budget={budget.pk}"
    assert finance.get(add).status_code == 200 and "1 receiver of alerts" in page
    typed = {"budget": budget.pk, "name": "chat", "url": "https://hooks.example.com/T0/s3cr3t", "key": KEY}
    typed |= {"kind": "webhook", "budget_alerts": "on", "findings": "none"}
    refused = finance.post(add, typed | {"url": "https://10.1.2.3/s3cr3t", "reason": "x"})
    assert "private" in text_of(refused) and b"s3cr3t" not in refused.content
    assert finance.post(add, typed | {"reason": "the new channel"}).status_code == 302
    row = AlertReceiver.objects.get(name="chat")
    assert hook_of(row) == Hook(typed["url"], KEY) and row.shown == "https://hooks.example.com/…"
    entry = AuditEntry.objects.get(kind="alert receiver")
    assert entry.reason == "the new channel" and "s3cr3t" not in json.dumps(entry.changes)
    change = reverse("admin:tenants_alertreceiver_change", args=[row.pk])
    for address in (change, reverse("admin:tenants_alertreceiver_changelist")):
        shown = finance.get(address).content.decode()
        assert "https://hooks.example.com/…" in shown and "s3cr3t" not in shown and KEY not in shown


def test_the_panel_says_what_became_of_the_last_alert_and_who_may_not_why(budget, taking, client):
    viewer = browser_of(staff("vic", "viewer", "every tenant"))
    spend(budget, 13, datetime.now(UTC))
    taking.status = 500
    look(datetime.now(UTC))
    shown = text_of(viewer.get("/dashboard/budgets/"))
    assert "50 % to be told, tried 1 times: HTTP 500" in shown
    assert "Raise team: 25 USD per day: Raising takes the right" in shown
    assert "Notify team: 25 USD per day: Notifying takes the right" in shown
    taking.status = 200
    deliver(datetime.now(UTC) + timedelta(hours=1))
    assert re.search(r"50 % told \d+ \w+ \d\d:\d\d", text_of(viewer.get("/dashboard/budgets/")))
    stranger = staff("sol", "finance")
    stranger.memberships.create(tenant=Tenant.objects.create(name="other"))
    row = AlertReceiver.objects.get()
    theirs = browser_of(stranger)
    assert theirs.get(reverse("admin:tenants_alertreceiver_change", args=[row.pk])).status_code == 404


def test_old_alerts_are_forgotten_and_those_in_total_are_not(budget):
    old = datetime.now(UTC) - timedelta(days=100)
    for start in (0, 1_700_000_000):
        BudgetAlert.objects.create(budget=budget, start=start, percent=50)
    BudgetAlert.objects.update(at=old)
    forget_old(datetime.now(UTC))
    assert [row.start for row in BudgetAlert.objects.all()] == [0]


def test_a_raise_has_its_reason_in_the_audit_log(budget):
    finance = browser_of(staff("fin", "finance", "every tenant"))
    page = finance.get(reverse("admin:tenants_budget_change", args=[budget.pk])).content.decode()
    assert 'name="reason"' in page


def test_the_documented_check_of_signatures_knows_ours_from_others(budget, taking):
    text = (settings.BASE_DIR / "docs" / "alerts.md").read_text()
    written: dict = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], written)
    now = datetime.now(UTC)
    spend(budget, 20, now)
    look(now)
    ((_, headers, body),) = taking.got
    header = headers["x-neuroroute-signature"]
    assert written["is_ours"](header, body, KEY)
    assert not written["is_ours"](header, body + b" ", KEY) and not written["is_ours"](header, body, "another")
    old = signature(KEY, body, int(now.timestamp()) - 600)
    assert not written["is_ours"](old, body, KEY)
