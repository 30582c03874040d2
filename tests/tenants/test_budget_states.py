"""What pages say of budgets: spent, reserved, remaining, thresholds passed, and what lost workers hold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from tenants.attention import notices
from tenants.budgets import Budget, BudgetLease, BudgetWindow
from tenants.lending import Ask, exchange
from tenants.models import Tenant
from tenants.periods import Period, span_of
from tenants.selectors import budget_states
from tenants.settling import LOST_AFTER, release_lost

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
USD = 10**9


@pytest.fixture
def budget():
    tenant = Tenant.objects.create(name="team", time_zone="Europe/Berlin")
    return Budget.objects.create(tenant=tenant, limit_usd=Decimal(25), period="month", tag="night")


def start():
    return span_of(Period.MONTH, "Europe/Berlin", NOW.timestamp()).start


def test_a_budget_says_what_is_left_of_its_present_window(budget, django_assert_num_queries):
    BudgetWindow.objects.create(budget=budget, start=start() - 86_400 * 31, spent=99 * USD)
    BudgetWindow.objects.create(budget=budget, start=start(), spent=10 * USD, leased=USD // 2)
    with django_assert_num_queries(2):
        (state,) = budget_states(NOW)
    assert (state.spent, state.reserved, state.remaining) == (10 * USD, USD // 2, 14_500_000_000)
    assert state.name == "team: 25 USD per month, tag night" and state.used_percent == 40
    assert [state.text_of(amount) for amount in (state.limit, state.remaining, 1)] == ["25", "14.5", "0.000000001"]
    assert state.span.resets_at == "2026-11-30T23:00:00+00:00"
    assert budget_states(NOW, budget.tenant_id + 1) == []


def test_an_unused_budget_is_all_there(budget):
    (state,) = budget_states(NOW)
    assert (state.spent, state.reserved, state.remaining) == (0, 0, 25 * USD)


def test_a_threshold_is_a_notice_until_the_window_ends(budget):
    window = BudgetWindow.objects.create(budget=budget, start=start(), spent=12 * USD)
    assert list(notices(NOW)) == []
    window.spent = 20 * USD
    window.save()
    (notice,) = notices(NOW)
    assert notice.what == "team: 25 USD per month, tag night: 80 % spent" and "refused" in notice.effect
    assert list(notices(NOW + timedelta(days=7))) == []


def test_what_lost_workers_hold_is_named_and_given_back_on_an_operator_s_word(budget, admin_client):
    exchange("lost-worker", [Ask(budget.pk, start(), 0, needs=(USD,))])
    exchange("living-worker", [Ask(budget.pk, start(), 0, needs=(USD,))])
    now = datetime.now(UTC)
    assert release_lost([budget.pk], now) == 0 and list(notices(now)) == []
    BudgetLease.objects.filter(holder="lost-worker").update(seen_at=now - LOST_AFTER - timedelta(minutes=1))
    (notice,) = notices(now)
    assert "1 USD of team: 25 USD per month" in notice.what and "lost-worker" in notice.what
    chosen = {"action": "release", "_selected_action": [budget.pk]}
    admin_client.post(reverse("admin:tenants_budget_changelist"), chosen)
    assert BudgetWindow.objects.get().leased == USD
    assert [lease.holder for lease in BudgetLease.objects.all()] == ["living-worker"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "One limit"),
        ({"limit_usd": "5", "limit_tokens": "5"}, "one limit"),
        ({"limit_usd": "5", "low_percent": "20"}, "go together"),
        ({"limit_usd": "5", "alerts": "0"}, "whole percents"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(budget, admin_client, fields, wrong):
    form = {"tenant": budget.tenant_id, "period": "day", "kind": "hard", "unpriced": "refuse", "alerts": "50"}
    page = admin_client.post(reverse("admin:tenants_budget_add"), {**form, **fields})
    assert page.status_code == 200 and wrong.lower() in page.content.decode().lower()
    assert Budget.objects.count() == 1


def test_a_budget_made_in_the_admin_is_there(budget, admin_client):
    form = {"tenant": budget.tenant_id, "period": "day", "kind": "hard", "unpriced": "refuse", "alerts": "50"}
    page = admin_client.post(reverse("admin:tenants_budget_add"), {**form, "limit_usd": "5"})
    assert page.status_code == 302, page.context["adminform"].errors
    assert Budget.objects.filter(limit_usd=5, period="day").exists()
