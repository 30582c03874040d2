"""`manage.py drill`: what it brings along is gone when it is over, however the last one ended."""

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from profiling import leases
from providers.catalog import load_catalog
from providers.models import LanguageModel, Provider
from routing.drill import rows
from routing.drill.casting import HEALTHY, Part
from routing.drill.gateway import own_address
from routing.drill.running import LEASE
from routing.drill.scorecard import table
from routing.drill.scores import Score
from routing.models import Policy
from routing.policybook import load_policies
from tenants.keyring import load_keyring
from tenants.keys import digest
from tenants.models import ClientKey, Tenant
from tests.gateway.gateway import ROOT, Gateway, clean_environment, manage

from .conftest import drill

LATER = datetime.now(UTC) + timedelta(hours=1)
URL = "http://127.0.0.1:9/v1"
ROWS = (
    "from providers.models import *; from routing.models import *; from tenants.models import *;"
    "print(Provider.objects.count(), LanguageModel.objects.count(), Policy.objects.filter(drill=True).count(),"
    "ClientKey.objects.count(), *Tenant.objects.values_list('name', 'enabled'))"
)


def casting(name: str, fallback: Part | None = HEALTHY) -> rows.Casting:
    return rows.Casting(f"drill:{name}", (HEALTHY, URL), (fallback, URL) if fallback else None)


@pytest.mark.django_db
def test_the_key_of_a_drill_leads_to_its_deployments_and_policies():
    key = rows.put_up([casting("a"), casting("b", None)], LATER)
    caller = load_keyring().callers[digest(key)]
    seen = load_catalog().seen(caller.realm)
    assert [target.name for target in seen.targets] == [
        "drill:a:fallback/drill:a",
        "drill:a:primary/drill:a",
        "drill:b:primary/drill:b",
    ]
    policy = load_policies().seen(caller.realm).named(caller.default_policy, caller)
    assert policy.order == ("drill:a:primary/drill:a", "drill:b:primary/drill:b")


@pytest.mark.django_db
def test_the_next_drill_sweeps_away_what_a_killed_one_left():
    ours = LanguageModel.objects.create(name="ours")
    first = rows.put_up([casting("a")], LATER)
    second = rows.put_up([casting("b")], LATER)
    callers = load_keyring().callers
    assert digest(first) not in callers and digest(second) in callers
    rows.sweep()
    assert not Provider.objects.exists() and not Policy.objects.filter(drill=True).exists()
    assert list(LanguageModel.objects.all()) == [ours] and not ClientKey.objects.exists()
    assert Tenant.objects.get(drill=True).enabled is False


@pytest.mark.parametrize("pace", ["0", "-1", "nan", "11", "quick"])
def test_a_pace_that_cannot_be_is_refused(pace):
    with pytest.raises(CommandError, match="--pace"):
        call_command("drill", "--pace", pace)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://nowhere.invalid", "http://[::1]:8000"])
def test_the_upstreams_listen_where_the_gateway_reaches_this_machine(url):
    assert own_address(url) == ("::1" if "::1" in url else "127.0.0.1")


@pytest.mark.django_db
def test_one_drill_at_a_time():
    leases.hold(LEASE, "another", timezone.now(), timedelta(minutes=1))
    with pytest.raises(CommandError, match="a drill runs already"):
        call_command("drill", only="S11", stdout=StringIO(), stderr=StringIO())


def test_an_unknown_scenario_is_named():
    with pytest.raises(CommandError, match=r"S99: no such scenario; there are S01, .*S16"):
        call_command("drill", only="S01,S99", stdout=StringIO(), stderr=StringIO())


@pytest.mark.timeout(300)
def test_nothing_of_it_is_left_but_its_tenant_switched_off(scores, gateway):
    assert len(scores) == 16
    assert manage(gateway.var, "shell", "-v0", "-c", ROWS, env=gateway.env).split("\n")[0] == (
        "0 0 0 0 ('resilience drill', False)"
    )


@pytest.mark.timeout(300)
def test_where_no_gateway_runs_it_starts_one_of_its_own(installation, scores):
    alone = Gateway(installation, {"GATEWAY_URL": "http://127.0.0.1:9"})
    (score,) = drill(alone, "--only", "S11", "--pace", "0.05")
    assert score["passed"], score["why"]


def test_the_scorecard_has_a_line_per_scenario_and_the_sum():
    good = Score("S01", "Rate limited", "means", True, "3 of 3 requests answered.", 12.3, None, 1234.5)
    bad = Score("S02", "Down", "means", False, "No answer came.", None, 40.0, 10.0)
    lines = table([good, bad]).splitlines()
    assert lines[1].split() == ["S01", "Rate", "limited", "passed", "12", "ms", "-", "1.2", "s"]
    assert lines[2].strip() == "3 of 3 requests answered."
    assert lines[3].split() == ["S02", "Down", "FAILED", "-", "40", "ms", "10", "ms"]
    assert lines[-1] == "1 of 2 passed"


def test_a_worker_of_its_own_ends_with_the_drill_however_that_ends(installation):
    env = clean_environment(installation, {})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        argv = [sys.executable, "-m", "routing.drill.ownworker", str(listening.fileno())]
        worker = subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.PIPE, pass_fds=[listening.fileno()])
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/health"
    assert httpx.get(url, timeout=60, trust_env=False).status_code == 200
    worker.stdin.close()  # as the system does for a killed drill
    worker.wait(60)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=5, trust_env=False)
