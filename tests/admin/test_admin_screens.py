"""Can everybody use the admin? axe-core looks at each of its templates, light and dark; the pictures are for you.

They are left in var/screens by the run, beside those of the dashboard: on a desk and on a telephone.
"""

import random
import re
from base64 import b32decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from playwright.sync_api import Page

from providers.models import AuditEntry, DeploymentPrice, Provider
from routing.models import Policy
from tenants.callers import Scope
from tests.admin import rows
from tests.admin.pages import fill
from tests.admin.phones import PASSWORD
from tests.admin.test_import_models import RICH, lists, worker
from tests.dashboard.browsing import looking
from tests.dashboard.traffic import outcome, ship
from tests.looks import SIZES, THEMES, looked_at, picture, violations
from tests.people import browser_of, session_of, staff

PARTS = 3  # of all screens, so that none takes a test's whole time on a slow machine


def change(row: Any, page: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def listed(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")


@pytest.fixture
def screens(session: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A page for each template, by the name of its picture, of an installation in use."""
    with lists("gpt-4o-mini", "unknown-to-all", RICH) as upstream:
        Provider.objects.filter(pk=upstream.pk).update(name="openai")
        upstream.refresh_from_db()
        yield {"home": reverse("admin:index"), "system": reverse("system"), **in_use(upstream, tmp_path)}


def in_use(provider: Provider, folder: Path) -> dict[str, str]:
    team = rows.tenant(name="team-a", requests_per_minute=600, default_policy="balanced")
    key = rows.client_key(tenant=team, name="nightly-report", scope=Scope(("gpt-*", "ollama/*"), (), ("chat",)))
    credential = rows.credential(provider=provider)
    deployments = [
        rows.deployment(provider=provider, model=rows.language_model(name=name), context=128_000)
        for name in ("gpt-5", "gpt-5-mini", "gpt-5-nano")
    ]
    for days, price in ((400, 2), (30, 1)):
        since = timezone.now() - timedelta(days=days)
        DeploymentPrice.objects.create(deployment=deployments[0], effective_from=since, input=price, output=4 * price)
    rows.budget(tenant=team, period="month")
    policy = versioned()
    changes = {"retries": [2, 1], "headers": [{}, {"X-Title": "NeuroRoute"}]}
    told = {"via": "admin", "action": "changed", "kind": "deployment", "object_name": "openai/gpt-5"}
    entry = AuditEntry.objects.create(actor="ana", changes=changes, reason="fewer retries", **told)
    facts = {"tenant_id": team.pk, "tenant": team.name, "key_id": key.pk, "key_prefix": key.prefix}
    asked = [outcome(timezone.now() - timedelta(minutes=n), random.Random(n), **facts) for n in range(1, 9)]
    ship(asked, folder)
    return {
        "providers": listed(provider),
        "provider": change(provider),
        "provider-history": change(provider, "history"),
        "provider-import": change(provider, "import_listed"),
        "deployment": change(deployments[0]),
        "tenant-requests": f"{change(team)}#dataset-requestrecord",
        "keys": listed(key),
        "key": change(key),
        "credential-rotate": change(credential, "rotate_key"),
        "policy": change(policy),
        "policy-versions": change(policy, "versions"),
        "audit": listed(entry),
        "audit-entry": change(entry),
        "user": change(rows.user()),
        "group-delete": change(rows.group(), "delete"),
        "credential-replace": change(credential, "replace_key"),
        "key-rotate": change(key, "rotate_key"),
        "key-revoke": change(key, "revoke_key"),
        "provider-test": change(provider, "test_connection"),
        "user-password": reverse("admin:auth_user_password_change", args=[User.objects.get(username="ana").pk]),
        "disable": listed(deployments[0]),
        "delete": listed(rows.interval()),
        "key-new": f"{reverse('admin:tenants_clientkey_add')}?tenant={team.pk}",
    }


def versioned() -> Policy:
    """A policy that was made and changed in the admin, and so has two versions."""
    client = browser_of(User.objects.get(username="ana"))
    made = {"name": "house-blend", "kind": "weighted", "weights_cost": "40", "weights_latency": "60"}
    fill(client, reverse("admin:routing_policy_add"), "policy_form", **made)
    policy = Policy.objects.get(name="house-blend")
    fill(client, change(policy), "policy_form", weights_cost="70", reason="cost matters")
    return policy


def test_every_class_in_our_templates_has_a_rule() -> None:
    """Unfold's sheet holds the words of Tailwind that unfold's own templates use, and no other."""
    sheets = [finders.find(sheet) for sheet in ("unfold/css/styles.css", "neuroroute/admin.css")]
    ruled = "".join(Path(sheet).read_text() for sheet in sheets).replace("\\", "")
    for template in (Path(settings.BASE_DIR) / "templates" / "admin").rglob("*.html"):
        plain = re.sub(r"{%.*?%}|{{.*?}}", " ", template.read_text())
        named = {name for found in re.findall(r'class="([^"]*)"', plain) for name in found.split()}
        assert not {name for name in named if f".{name}" not in ruled}, template.name


@pytest.mark.parametrize("part", range(PARTS))
def test_statement_27_axe_finds_nothing_grave_in_the_admin(chromium, live_server, session, screens, part):
    """Each page is opened once, and what is open is shown in both themes."""
    found = []
    with looking(chromium, live_server.url, session, viewport=SIZES["desktop"]) as (page, problems):
        for name, address in list(screens.items())[part::PARTS]:
            page.goto(address)
            for step in STEPS.get(name, ()):
                step(page)
            found += looked_at(page, f"admin-{name}")
        assert problems == []
    assert not found, "\n".join(found)


def test_statement_27_nor_where_one_signs_in_with_a_second_factor(chromium, live_server, session):
    found = []
    with looking(chromium, live_server.url, session, viewport=SIZES["desktop"]) as (page, problems):
        for name in signing_in(page):
            found += looked_at(page, f"admin-{name}")
        assert problems == []
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", THEMES)
def test_statement_27_nor_where_verbs_are_switched_off(chromium, live_server, transactional_db, screens, theme):
    """What a viewer sees: the same pages, with what each verb takes, as they come where the system prefers a theme."""
    shown = session_of(staff("vic", "viewer", "every tenant"))
    with looking(chromium, live_server.url, shown, color_scheme=theme, viewport=SIZES["desktop"]) as (page, problems):
        for name in ("keys", "provider", "providers"):
            page.goto(screens[name])
            page.locator("#barred button[disabled]").first.wait_for()
            picture(page, f"admin-viewer-{name}-{theme}")
            assert violations(page) == [], name
        assert problems == []


def signing_in(page: Page) -> Iterator[str]:
    """The pages of a second factor, and those of a sign-in with it."""
    page.goto(reverse("second-factor"))
    yield "second-factor-new"
    secret = page.get_by_label("Secret").input_value().replace(" ", "")
    page.locator("[name=code]").fill(f"{totp(b32decode(secret)):06d}")
    page.locator("[name=code]").press("Enter")
    page.get_by_text("recovery").first.wait_for()
    yield "recovery-codes"
    page.goto(reverse("second-factor"))
    yield "second-factor"
    page.context.clear_cookies()
    page.goto(reverse("admin:login"))
    yield "sign-in"
    page.locator("[name=username]").fill("ana")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.locator("[name=code]").wait_for()
    yield "sign-in-code"


def _saved(page: Page) -> None:
    page.locator("[name=name]").fill("made-in-a-browser")
    page.locator("#submit-row").get_by_role("button", name="Save").click()
    page.locator("#client-key").wait_for()


def _verb(name: str, title: str) -> Callable[[Page], None]:
    """Tick the first row of a list, choose a verb, and be asked."""

    def step(page: Page) -> None:
        page.locator("#result_list tbody input[type=checkbox]").first.check()
        page.locator("select[name=action]").select_option(name)
        page.get_by_role("button", name="Run").first.click()
        page.get_by_text(title).first.wait_for()

    return step


def _models_listed(page: Page) -> None:
    """The page that waits for a worker becomes the one to choose on, by itself."""
    page.get_by_role("button", name="List the models").click()
    page.get_by_text("A worker lists the models with each key").wait_for()
    worker().join()
    page.get_by_label("Only names that contain").wait_for()


STEPS = {
    "disable": [_verb("disable", "Nobody used it in the last hour")],
    "delete": [_verb("delete_selected", "Are you sure")],
    "provider-import": [_models_listed],
    "tenant-requests": [lambda page: page.get_by_text("The newest 8 requests").wait_for()],
    "key-new": [_saved],
}
