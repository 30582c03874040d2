"""Alerts by e-mail: sent by the job over SMTP, again where they were not taken, without a secret in what is told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.urls import reverse

from dashboard.attention import check
from profiling.runner import run_due
from providers.models import AuditEntry
from tenants.alerting import notice
from tenants.alertrows import MOST_TRIES, AlertDelivery, AlertReceiver
from tenants.budgets import Budget
from tenants.delivering import deliver, keep_email
from tenants.models import Tenant
from tests.admin import rows
from tests.mailserver import MailServer, mail_server
from tests.people import browser_of, staff
from tests.tenants.test_budget_alerts import spend

pytestmark = pytest.mark.django_db
PASSWORD = "a-password-of-mail"


@pytest.fixture
def mail(settings) -> Iterator[MailServer]:
    with mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "neuroroute", PASSWORD
        settings.DEFAULT_FROM_EMAIL = "NeuroRoute <alerts@llm.example.com>"
        settings.PUBLIC_URL = "https://llm.example.com"
        yield server


def told(tenant: Tenant | None, email: str = "finance@example.com", **values: object) -> AlertReceiver:
    receiver = AlertReceiver(tenant=tenant, name=f"receiver-{next(rows.numbers)}", **values)
    keep_email(receiver, email)
    receiver.save()
    return receiver


@pytest.fixture
def budget() -> Budget:
    tenant = Tenant.objects.create(name="team")
    return Budget.objects.create(tenant=tenant, limit_usd=Decimal(25), period="day")


def test_a_threshold_is_told_by_mail_with_the_link_to_its_page(budget, mail):
    told(budget.tenant)
    now = datetime.now(UTC)
    spend(budget, 20, now)
    notice(now)
    assert mail.got == [], "only a delivery sends"
    assert deliver(now) == (1, 0)
    (got,) = mail.got
    assert (got["to"], got["from"]) == ("finance@example.com", "NeuroRoute <alerts@llm.example.com>")
    assert got["subject"].startswith("[NeuroRoute] team: 25 USD per day: 80 % is spent")
    text = got.get_content()
    assert "Spent: 20 of 25 USD" in text and "https://llm.example.com/dashboard/budgets/?tenant=team" in text
    assert got["auto-submitted"] == "auto-generated" and got["message-id"].endswith("@llm.example.com>")
    assert mail.logins == [f"\0neuroroute\0{PASSWORD}".encode()]


def test_receivers_of_a_tenant_and_of_all_are_told_and_others_are_not(budget, mail):
    other = Tenant.objects.create(name="other")
    for tenant, email, values in (
        (None, "all@example.com", {}),
        (budget.tenant, "team@example.com", {}),
        (other, "other@example.com", {}),
        (budget.tenant, "findings@example.com", {"budget_alerts": False, "findings": "all"}),
        (budget.tenant, "off@example.com", {"enabled": False}),
        (budget.tenant, "elsewhere@example.com", {"budget": rows.budget(tenant=budget.tenant, tag="x")}),
    ):
        told(tenant, email, **values)
    spend(budget, 20, datetime.now(UTC))
    notice(datetime.now(UTC))
    deliver(datetime.now(UTC))
    assert {got["to"] for got in mail.got} == {"all@example.com", "team@example.com"}


def test_mail_that_was_not_taken_is_tried_again_as_the_same_mail(budget, mail):
    told(budget.tenant)
    now = datetime.now(UTC)
    spend(budget, 20, now)
    notice(now)
    mail.refuses["DATA"] = f"451 try later, {PASSWORD}"
    assert deliver(now) == (0, 1)
    row = AlertDelivery.objects.get()
    assert (row.state, row.tries, row.problem) == ("waiting", 1, "SMTP 451: try later, …") and row.due_at > now
    mail.refuses.clear()
    assert deliver(now) == (0, 0), "not before its pause is over"
    assert deliver(now + timedelta(minutes=2)) == (1, 0)
    row.refresh_from_db()
    assert (row.state, row.tries, row.answer) == ("sent", 2, "the mail server took it")


@pytest.mark.parametrize(
    ("verb", "answer", "tries", "why"),
    [("RCPT", "550 no such person", 1, "SMTP 550: no such person"),
     ("AUTH", "535 wrong password", MOST_TRIES, "SMTP 535: wrong password")],
)  # fmt: skip
def test_an_address_that_nobody_has_is_given_up_at_once_and_a_refused_login_is_not(
    budget, mail, verb, answer, tries, why
):
    told(budget.tenant)
    now = datetime.now(UTC)
    spend(budget, 20, now)
    notice(now)
    mail.refuses[verb] = answer
    for _ in range(MOST_TRIES):
        deliver(now + timedelta(hours=3))
    row = AlertDelivery.objects.get()
    assert (row.state, row.tries, row.problem) == ("failed", tries, why)


def test_without_a_mail_server_it_waits_and_everybody_says_why(budget, settings):
    settings.EMAIL_HOST = ""
    told(budget.tenant)
    spend(budget, 20, datetime.now(UTC))
    notice(datetime.now(UTC))
    deliver(datetime.now(UTC))
    assert AlertDelivery.objects.get().problem == "no mail server is set: EMAIL_URL is empty"
    (warning,) = [each for each in run_checks() if each.id == "neuroroute.W006"]
    assert "1 receiver of alerts by e-mail" in warning.msg
    found = [each.what for each in check(datetime.now(UTC)).notices if each.about == "no mail server"]
    assert found == ["1 receiver of alerts by e-mail, and no mail server"]
    AlertReceiver.objects.update(enabled=False)
    assert "neuroroute.W006" not in {each.id for each in run_checks()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("refusal", "said"), [("", "the mail server took it"), ("550 no such person", "SMTP 550")])
def test_a_test_is_sent_by_a_job_and_its_answer_shown(mail, refusal, said):
    receiver = told(None)
    if refusal:
        mail.refuses["RCPT"] = refusal
    owner = browser_of(User.objects.create_superuser("olga"))
    address = reverse("admin:tenants_alertreceiver_send_a_test", args=[receiver.pk])
    assert owner.get(address).status_code == 200 and mail.got == [], "a link sends nothing"
    sent = owner.post(address)
    assert sent.status_code == 302 and mail.got == [], "the page waits for no mail server"
    waits = owner.get(sent["location"]).content.decode()
    assert "A worker sends it now" in waits and "hx-get" in waits
    run_due()
    page = owner.get(sent["location"]).content.decode()
    assert said in page and (": failed" in text_of_page(page)) is bool(refusal) and "A worker sends it" not in page
    assert len(mail.got) == (not refusal) and AlertDelivery.objects.get().tries == 1
    assert AuditEntry.objects.filter(action="tested", kind="alert receiver").count() == 1
    listed = owner.get(reverse("admin:tenants_alertreceiver_tab", args=[receiver.pk, "alertdelivery"]))
    assert said in listed.content.decode()


def text_of_page(page: str) -> str:
    return " ".join(page.split())


def test_who_sees_some_tenants_tests_and_makes_receivers_of_those_alone(budget):
    mine, all_of_them = told(budget.tenant), told(None)
    other = Tenant.objects.create(name="other")
    finance = browser_of(staff("fin", "finance", tenants=(budget.tenant,)))
    pages = {row: reverse("admin:tenants_alertreceiver_send_a_test", args=[row.pk]) for row in (mine, all_of_them)}
    assert [finance.get(pages[row]).status_code for row in (mine, all_of_them)] == [200, 404]
    owner = browser_of(User.objects.create_superuser("olga"))
    tests = {row: owner.post(page)["location"].partition("?")[2] for row, page in pages.items()}
    shown = [
        finance.get(f"{pages[mine]}?{query}").status_code for query in (tests[mine], tests[all_of_them], "message=x")
    ]
    assert shown == [200, 404, 404]
    AlertDelivery.objects.update(created_at=datetime.now(UTC) - timedelta(minutes=1))
    assert b"No job took it up yet" in finance.get(f"{pages[mine]}?{tests[mine]}").content
    add = reverse("admin:tenants_alertreceiver_add")
    typed = {"name": "mail", "kind": "email", "email": "a@example.com", "budget_alerts": "on", "findings": "none"}
    assert b"for those who see every tenant" in finance.post(add, typed).content
    assert finance.post(add, typed | {"tenant": other.pk}).status_code == 200, "not in sight"
    assert finance.post(add, typed | {"tenant": budget.tenant.pk, "budget_alerts": ""}).status_code == 200
    assert finance.post(add, typed | {"tenant": budget.tenant.pk, "email": ""}).status_code == 200
    assert finance.post(add, typed | {"tenant": budget.tenant.pk}).status_code == 302
    row = AlertReceiver.objects.get(name="mail")
    assert (row.kind, row.email, row.shown, row.tenant) == ("email", "a@example.com", "a@example.com", budget.tenant)
