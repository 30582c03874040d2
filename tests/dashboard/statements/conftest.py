"""What somebody who may do everything finds: keys of their own, limits, a budget, an invoice, a drill."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from providers.models import Deployment, LanguageModel, Provider
from routing.models import DrillRun
from tenants import keys
from tenants.models import Budget, Tenant
from tests.dashboard.traffic import TENANTS
from usage.models import Invoice, InvoiceLine


@pytest.fixture
def own_key(traffic, signed_in: str) -> int:
    """A key of who looks; what the pages list is there, too."""
    ana = User.objects.get(username="ana")
    User.objects.filter(pk=ana.pk).update(is_superuser=True)
    made = [Tenant.objects.create(pk=pk, name=name, requests_per_minute=60) for pk, name, _, _ in TENANTS]
    Budget.objects.create(tenant=made[0], limit_usd=10, period="month")
    return keys.issue(made[0], "nightly-report", owner=ana)[0].pk


@pytest.fixture
def invoice(own_key: int) -> int:
    """A provider's bill of this month, of one model that was asked and one that was not."""
    month = datetime.now(UTC).date().replace(day=1)
    row = Invoice.objects.create(provider="sandbox-openai", month=month, file_name="bill.csv", imported_by="ana")
    for model, cost in (("sandbox-mini", "0.02"), ("sandbox-never-asked", "1.50")):
        InvoiceLine.objects.create(invoice=row, model=model, usd=Decimal(cost))
    return int(row.pk)


@pytest.fixture
def served(own_key: int) -> tuple[int, int]:
    """A deployment and a budget, by their ids."""
    acme = Provider.objects.create(name="acme", wire="openai", base_url="http://localhost:1/v1", allow_private=True)
    model = LanguageModel.objects.create(name="mini")
    row = Deployment.objects.create(provider=acme, model=model, upstream_model="mini")
    return int(row.pk), int(Budget.objects.get().pk)


@pytest.fixture
def drill(own_key: int) -> int:
    """One that is over, of two faults: one was survived, one was not."""
    score = {"title": "Rate limited", "means": "It answers.", "why": "All answered.", "first_content_ms": 12.0}
    times = {"failover_ms": None, "total_ms": 34.0}
    scores = [score | times | {"scenario": name, "passed": name == "S01"} for name in ("S01", "S02")]
    now = timezone.now()
    played = {"scenarios": ["S01", "S02"], "scores": scores, "started_at": now, "finished_at": now}
    return int(DrillRun.objects.create(asked_by="ben", **played).pk)
