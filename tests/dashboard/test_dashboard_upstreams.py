"""Does the page of providers say which one is well, and how it failed last?"""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User

from dashboard.panels import upstreams as module
from providers.models import Credential, Deployment, LanguageModel, Provider
from routing.resilience.report import BreakerReport, CredentialReport, HealthReport
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import NAMES
from usage.selectors import TimeRange, last_errors

pytestmark = pytest.mark.django_db


@pytest.fixture
def configured() -> None:
    """The providers of the traffic, of which one has two credentials, and one that nobody called."""
    for name in NAMES:
        provider, model = name.split("/")
        row, _ = Provider.objects.get_or_create(name=provider, wire="openai", base_url="http://localhost:1/v1")
        of = LanguageModel.objects.get_or_create(name=model)[0]
        Deployment.objects.create(provider=row, model=of, upstream_model=model)
    openai = Provider.objects.get(name="sandbox-openai")
    for number in range(2):
        Credential.objects.create(provider=openai, name=f"key {number}", ciphertext=b"", last_four="abcd")
    Provider.objects.create(name="quiet", wire="anthropic", base_url="http://localhost:1/v1", enabled=False)


def row_of(answer, provider: str) -> str:
    """The text of one provider's row."""
    rows = re.findall(r"<tr>.*?</tr>", answer.content.decode(), re.DOTALL)
    found = next(row for row in rows if f'<th scope="row">{provider}' in row)
    return re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>|<[^>]+>", " ", found)).strip()


def test_each_provider_has_its_rates_and_its_last_error(staff_client, configured, traffic):
    answer = staff_client.get("/dashboard/upstreams/")
    tries = [one for told in traffic for one in told.attempts if one.provider == "sandbox-anthropic"]
    failed = [one for one in tries if one.error]
    limited = sum(one.error == "RateLimited" for one in failed)
    row = row_of(answer, "sandbox-anthropic")
    newest = next(one.error for told in reversed(traffic) for one in told.attempts if one in failed)
    assert f"{len(tries)} attempts {len(failed) / len(tries) * 100:.1f} %" in row
    assert re.search(rf"{limited} {newest} ", row)
    assert row_of(answer, "quiet").startswith("quiet anthropic – off none set 0 attempts — — 0 none in this range")


def test_what_this_process_does_not_know_is_a_dash(staff_client, configured, traffic):
    assert "— — of 2" in row_of(staff_client.get("/dashboard/upstreams/"), "sandbox-openai")


def test_breakers_and_barred_credentials_show_what_is_wrong_now(staff_client, configured, traffic, monkeypatch):
    barred = CredentialReport(7, "sandbox-openai", "abcd", "rate limited", 1.0, 30.0, None)
    breaker = BreakerReport("open", 5.0, 20.0, 5, 1, "Overloaded five times")
    report = HealthReport({"sandbox-ollama/sandbox-local-8b": breaker}, (barred,))
    monkeypatch.setattr(module, "health_now", lambda: report)
    answer = staff_client.get("/dashboard/upstreams/")
    assert "credential refused credential …abcd: rate limited, back in 30.00 s 1 of 2 fit" in row_of(
        answer, "sandbox-openai"
    )
    assert "resting sandbox-ollama/sandbox-local-8b: Overloaded five times" in row_of(answer, "sandbox-ollama")
    assert "✓ fit" in row_of(answer, "sandbox-anthropic")
    first = re.search(r'<th scope="row">([\w-]+)', answer.content.decode())
    assert first and first[1] in ("sandbox-openai", "sandbox-ollama"), "what is not well stands first"


def test_settings_and_test_are_for_those_who_may(staff_client, configured, traffic):
    pk = Provider.objects.get(name="quiet").pk
    addresses = [f"/admin/providers/provider/{pk}/change/", f"/admin/providers/provider/{pk}/test/"]
    page = staff_client.get("/dashboard/upstreams/").content.decode()
    assert not any(address in page for address in addresses)
    ana = User.objects.get(username="ana")
    ana.user_permissions.add(*Permission.objects.filter(codename__in=["change_provider", "view_provider"]))
    page = staff_client.get("/dashboard/upstreams/").content.decode()
    for address in addresses:
        assert re.search(f'href="{address}', page)
        assert staff_client.get(address).status_code == 200


def test_a_provider_that_is_gone_keeps_its_past(staff_client, traffic):
    assert "no longer configured" in row_of(staff_client.get("/dashboard/upstreams/"), "sandbox-openai")


def test_no_provider_at_all_says_how_to_get_one(staff_client):
    assert "No provider is known yet" in text_of(staff_client.get("/dashboard/upstreams/"))


def test_the_page_keeps_to_twelve_questions(staff_client, configured, traffic, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        staff_client.get("/dashboard/upstreams/")


def test_the_last_error_is_within_the_range_and_of_the_tenants_in_sight(configured, traffic):
    now = datetime.now(UTC)
    day = TimeRange.around(now - timedelta(days=1), now, now)
    everyone = last_errors(day, NAMES)
    assert everyone == sorted(everyone, key=lambda one: one.request_id, reverse=True)
    own = last_errors(day, NAMES, frozenset({2}))
    tenants = {told.id: told.tenant_id for told in traffic}
    assert own and {tenants[one.request_id] for one in own} == {2}
    assert last_errors(TimeRange.around(now - timedelta(days=9), now - timedelta(days=8), now), NAMES) == []
