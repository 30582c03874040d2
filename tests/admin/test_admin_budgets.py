"""How people fill in a budget: a policy that there is, alerts as percents on one line."""

import pytest
from django.test import Client
from django.urls import reverse

from tenants.models import Budget
from tests.admin import rows
from tests.admin.pages import fill

pytestmark = pytest.mark.django_db
ADD = reverse("admin:tenants_budget_add")


def filled(**values):
    return {"tenant": rows.tenant().pk, "limit_usd": "25", "period": "month", "kind": "hard"} | values


def test_alerts_and_the_policy_for_little_money_are_kept(operator: Client):
    answer = fill(
        operator, ADD, "budget_form", **filled(alerts="90, 50", low_percent="20", low_policy="cost-optimized")
    )
    assert answer.status_code == 302
    budget = Budget.objects.get()
    assert (budget.alerts, budget.low_percent, budget.low_policy) == ([90, 50], 20, "cost-optimized")
    page = operator.get(reverse("admin:tenants_budget_change", args=[budget.pk])).content.decode()
    assert 'value="90, 50"' in page and '<option value="cost-optimized" selected>' in page


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("low_policy", "cheepest", "Select a valid choice"),
        ("alerts", "half", "whole percents"),
        ("alerts", "0", "whole percents"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(operator: Client, field: str, value: str, told: str):
    answer = fill(
        operator, ADD, "budget_form", **filled(low_percent="20", low_policy="cost-optimized") | {field: value}
    )
    assert answer.status_code == 200 and told in answer.content.decode()
    assert list(answer.context["adminform"].form.errors) == [field] and not Budget.objects.exists()


def test_a_policy_that_is_gone_stays_visible(operator: Client):
    budget = rows.budget(low_percent=20, low_policy="gone")
    page = operator.get(reverse("admin:tenants_budget_change", args=[budget.pk])).content.decode()
    assert "gone (not enabled)" in page
