"""Sample traffic as a worker makes it, through a real gateway: real requests, apart, gone without a trace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .gateway import Gateway, manage

KEYS = "team/app"
OURS = {
    "providers": [
        {
            "name": "ours",
            "wire": "openai",
            "base_url": "http://127.0.0.1:9/v1",
            "allow_private": True,
            "deployments": [{"model": "our-model", "price": {"input": 1, "output": 2}}],
        }
    ],
    "tenants": [{"name": "team", "keys": [{"name": "app"}]}],
}
# What a worker does, with the shipper beside it; `STEP` is what it runs.
RUN = """
import json, threading
from datetime import timedelta
from pathlib import Path
from django.conf import settings
from django.utils import timezone
from providers.audit import Actor
from providers.models import AuditEntry, LanguageModel, Provider
from routing.demo import rows, standing
from routing.demo.filling import fill
from tenants.models import ClientKey, Tenant
from usage import selectors
from usage.models import AttemptRecord, RequestRecord
from usage.rollups import OF_REQUESTS, StateRollup
from usage.selectors import Entities, RequestFilter, TimeRange
from usage.shipper import Shipper
stop = threading.Event()
shipping = threading.Thread(target=Shipper(Path(settings.VAR_DIR) / "spool").run, args=[stop])
shipping.start()
me, said = Actor("ana", "command"), []
try:
    standing.ask(me, timezone.now())
    tenant = rows.tenant_of_sample()
{step}
finally:
    stop.set()
    shipping.join()
"""
FILL = """
    count = fill(tenant, lambda share, what: said.append(what), 60)
    now = timezone.now()
    yesterday, week = now - timedelta(days=1), TimeRange.around(now - timedelta(days=8), now, now)
    mine = selectors.totals(week, Entities(tenant.pk))
    found = RequestRecord.objects.filter(tenant_id=tenant.pk)
    (budget,) = tenant.budgets.all()
    out = {
        "count": count, "said": said[-1], "standing": standing.standing(now).tenant,
        "mine": mine.requests, "answered": mine.answered, "all": selectors.totals(week).requests,
        "listed": len(selectors.page(week).rows), "days": len({one.started_at.date() for one in found}),
        "oldest_h": (now - min(one.started_at for one in found)).total_seconds() / 3600,
        "providers": sorted(Provider.objects.values_list("name", flat=True)),
        "models": sorted({one.model for one in found if one.model}),
        "decided": all(json.loads(one.decision)["candidates"] for one in found if one.status == "answered"),
        "spent": budget.windows.get().spent, "cost": mine.cost_nano_usd,
        "looked": sum(cell.get("watched", 0) for cell in selectors.state_series([week], tenant.pk)[""]),
        "looked_ours": selectors.state_series([TimeRange.around(now - timedelta(days=8), yesterday, now)]),
        "live_keys": ClientKey.objects.filter(tenant=tenant, revoked_at=None).count(),
    }
    again = standing.ask(me, timezone.now())
    standing.remove(me, timezone.now())
    left = [RequestRecord, AttemptRecord, *OF_REQUESTS, StateRollup]
    out |= {
        "again": again, "left": sum(each._default_manager.filter(tenant_id=tenant.pk).count() for each in left),
        "tenants": list(Tenant.objects.values_list("name", flat=True)),
        "audited": list(AuditEntry.objects.filter(object_name="demo").order_by("id").values_list("action", flat=True)),
    }
    print(json.dumps(out))
"""
STOP = """
    def tell(share, what):
        said.append(what)
        if share > 0:  # some are answered, others are on their way
            Tenant.objects.filter(pk=tenant.pk).update(enabled=False)
    count = fill(tenant, tell, 400)
    left = [RequestRecord, AttemptRecord, *OF_REQUESTS]
    print(json.dumps({
        "count": count, "said": len(said), "tenant": Tenant.objects.filter(demo=True).count(),
        "left": sum(each._default_manager.count() for each in left),
        "providers": sorted(Provider.objects.values_list("name", flat=True)),
        "models": sorted(LanguageModel.objects.values_list("name", flat=True)),
    }))
"""


@pytest.fixture(scope="module")
def gateway(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("sampled"))
    gateway.env |= {"GATEWAY_URL": gateway.url}
    gateway.apply(OURS)
    yield gateway.start()
    gateway.stop()


def run(gateway: Gateway, step: str) -> dict[str, Any]:
    told = manage(gateway.var, "shell", "-v0", "-c", RUN.replace("{step}", step.strip("\n")), env=gateway.env)
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def test_real_requests_are_told_over_the_days_and_go_without_a_trace(gateway: Gateway) -> None:
    out = run(gateway, FILL)
    assert out["count"] == out["mine"] == 60 and out["answered"] > 50, out
    assert (out["all"], out["listed"]) == (0, 0)  # they are nobody else's
    assert out["days"] >= 5 and 24 < out["oldest_h"] < 7 * 24 + 1
    assert out["decided"] and len(out["models"]) > 3 and all(name.startswith("demo:") for name in out["models"])
    assert out["spent"] == out["cost"] > 0
    assert 40 < out["looked"] <= 60 and out["looked_ours"] == {}  # no worker of ours looked then
    assert (out["providers"], out["live_keys"]) == (["ours"], 0)  # the upstreams are gone, and no key works
    assert out["said"] == "their records move over the last days" and out["again"] is False
    assert (out["left"], out["tenants"], out["audited"]) == (0, ["team"], ["asked for", "removed"])


def test_nobody_else_sees_its_models_and_it_sees_nobody_else_s(gateway: Gateway) -> None:
    listed = httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {gateway.keys[KEYS]}"}).json()
    assert "our-model" in {row["id"] for row in listed["data"]}
    assert not [row["id"] for row in listed["data"] if "demo:" in row["id"]]


def test_who_removes_it_while_it_is_made_stops_it_and_nothing_is_left(gateway: Gateway) -> None:
    out = run(gateway, STOP)
    assert out["count"] == 0 and out["said"] < 300, out
    assert (out["tenant"], out["left"], out["providers"], out["models"]) == (0, 0, ["ours"], ["our-model"])
