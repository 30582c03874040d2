"""Statement 35: what one may not do is shown switched off, with what it takes; what cuts somebody off names whom, and
asks on a page."""

import random
import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from providers.models import Deployment
from tenants.models import ClientKey, Tenant
from tests.admin import rows
from tests.admin.pages import fields_of, page
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff

EVERY = "every tenant"
CALLS = 3


@pytest.fixture
def used(db: None, tmp_path: Path) -> tuple[list[ClientKey], Deployment]:
    """Three keys of one tenant that called a deployment ten minutes ago, the first of them three times."""
    team, target = rows.tenant(name="team-a"), rows.deployment()
    keys = [rows.client_key(tenant=team) for _ in range(3)]
    said = []
    for number, key in enumerate([*keys, *[keys[0]] * (CALLS - 1)]):
        whose = {"tenant_id": team.pk, "tenant": team.name, "key_id": key.pk, "key_prefix": key.prefix}
        told = outcome(timezone.now() - timedelta(minutes=10, seconds=number), random.Random(number), **whose)
        told.provider, told.model = target.provider.name, target.model.name
        said.append(told)
    ship(said, tmp_path / "spool")
    return keys, target


def shown(browser: Client, address: str) -> str:
    return unescape(browser.get(address).content.decode())


def barred_in(text: str) -> dict[str, str]:
    """Each verb that is switched off on a page, and the sentence that its button points to."""
    why = dict(re.findall(r'<span id="(barred-\d+)"[^>]*>([^<]+)</span>', text))
    buttons = re.findall(r'<button type="button" disabled aria-describedby="(barred-\d+)"[^>]*>([^<]+)</button>', text)
    assert len(buttons) == len({verb for _, verb in buttons})
    return {verb: why[place] for place, verb in buttons}


@pytest.mark.django_db
def test_statement_35_every_verb_of_a_form_that_is_not_for_the_viewer_says_what_it_takes() -> None:
    viewer, boss = browser_of(staff("vic", "viewer", EVERY)), browser_of(staff("olga", "owner"))
    told = {
        page("tenants_clientkey", "change", rows.client_key().pk): {
            "Rotate": "the right to rotate client keys", "Revoke": "the right to change client keys",
        },
        page("providers_provider", "change", rows.provider().pk): {
            "Test connection": "the right to change providers",
            "Import models": "the rights to change providers and to add deployments",
            "Compare models": "the rights to change providers and deployments",
            "Add deployment": "the right to change providers",
        },
        page("tenants_clientkey", "changelist"): {
            "Add": "the right to add client keys", "Revoke": "the right to change client keys",
            "Delete selected client keys": "the right to delete client keys",
        },
        page("providers_deployment", "changelist"): {
            "Add": "the right to add deployments", "Enable": "the right to change deployments",
            "Disable": "the right to change or to drain deployments", "Reset health": "the right to change deployments",
            "Open breaker": "the right to change or to drain deployments",
            "Delete selected deployments": "the right to delete deployments",
        },
        page("profiling_job", "changelist"): {"Run a job now": "the right to add jobs"},
        page("providers_priceproposal", "changelist"): {
            "Accept: it holds from now on": "the right to add prices of deployments",
            "Decline": "the right to add prices of deployments",
        },
        page("tenants_tenant", "changelist"): {
            "Add": "the rights to add tenants and to see every one", "Enable": "the right to change tenants",
            "Disable": "the right to change tenants", "Delete selected tenants": "the right to delete tenants",
        },
    }  # fmt: skip
    for address, verbs in told.items():
        said = {verb: f"Takes {words}; an owner can give it." for verb, words in verbs.items()}
        assert barred_in(shown(viewer, address)) == said, address
        opened = shown(boss, address)
        assert barred_in(opened) == {} and all(verb in opened for verb in verbs), address


@pytest.mark.django_db
def test_statement_35_no_page_offers_a_verb_both_ways(addresses: list[str]) -> None:
    """A button that is switched off stands on no page that lets the same be done."""
    for role in ("viewer", "operator"):
        browser = browser_of(staff(role, role, EVERY))
        for address in addresses:
            answer = browser.get(address)
            if answer.status_code != 200:
                continue
            text = unescape(answer.content.decode())
            for verb in barred_in(text):
                offered = re.findall(rf"<(?:a|option)\b[^>]*>\s*{re.escape(verb)}\s*</", text)
                assert not offered, (role, address, verb)


def asked(operator: Client, row: Model, verb: str) -> str:
    """The page that comes before a bulk verb or an own page of a row; nothing has happened yet."""
    name = f"{row._meta.app_label}_{row._meta.model_name}"
    if verb.endswith("_key"):
        return shown(operator, page(name, verb, row.pk))
    answer = operator.post(page(name, "changelist"), {"action": verb, "_selected_action": [row.pk], "index": "0"})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_statement_35_what_ends_something_names_who_used_it_and_asks_first(
    used: tuple[list[ClientKey], Deployment], operator: Client
) -> None:
    keys, target = used
    credential = target.provider.credentials.get()
    names = ", ".join(sorted(map(str, keys)))
    three, once = f"3 keys used it in the last hour: {names}", f"{CALLS} requests used it in the last hour"
    said = {
        (target, "disable"): three, (target.provider, "disable"): three, (keys[0].tenant, "disable"): three,
        (credential, "disable"): three, (credential, "replace_key"): three, (credential, "rotate_key"): three,
        (keys[0], "rotate_key"): once, (keys[0], "revoke_key"): once, (keys[0], "revoke_selected"): once,
    }  # fmt: skip
    before = state_of(*{row for row, _ in said})
    for (row, verb), sentence in said.items():
        text = asked(operator, row, verb)
        told = re.sub(r"(hour: )([^.]+)\.", lambda m: m[1] + ", ".join(sorted(m[2].split(", "))) + ".", text)
        assert sentence in told, (row, verb)
        assert '<button type="submit"' in text and "onclick" not in text and "window.confirm" not in text
    assert state_of(*{row for row, _ in said}) == before


def state_of(*made: Model) -> list[dict[str, object]]:
    return sorted(
        (type(row)._base_manager.filter(pk=row.pk).values().get() | {"_": str(type(row))} for row in made),
        key=lambda one: (one["_"], one["id"]),
    )


def test_statement_35_several_keys_are_told_one_by_one(
    used: tuple[list[ClientKey], Deployment], operator: Client
) -> None:
    keys, _ = used
    where = page("tenants_clientkey", "changelist")
    data = {"action": "revoke_selected", "_selected_action": [key.pk for key in keys[:2]], "index": "0"}
    question = operator.post(where, data)
    text = unescape(question.content.decode())
    assert f"{keys[0]}: {CALLS} requests used it" in text and f"{keys[1]}: 1 request used it" in text
    assert operator.post(where, fields_of(question)).status_code == 302
    assert set(ClientKey.objects.filter(revoked_at=None)) == {keys[2]}


def test_statement_35_a_member_hears_nothing_of_the_keys_of_others(used: tuple[list[ClientKey], Deployment]) -> None:
    keys, target = used
    member = browser_of(staff("opal", "operator", tenants=(Tenant.objects.create(name="elsewhere"),)))
    text = asked(member, target.provider.credentials.get(), "replace_key")
    assert "Nobody used it in the last hour" in text and not any(str(key) in text for key in keys)


def test_statement_35_no_script_of_ours_asks_by_a_dialog_of_the_browser() -> None:
    """Django's and unfold's scripts are theirs; what they open is looked at in a browser (`test_admin_browser`)."""
    scripts = [*(Path(settings.BASE_DIR) / "static").rglob("*.js"), *(Path(settings.BASE_DIR) / "templates").rglob("*")]
    assert len(scripts) > 20
    for script in (one for one in scripts if one.is_file()):
        assert not re.search(r"\b(?:confirm|alert|prompt)\s*\(", script.read_text()), script


@pytest.mark.django_db
def test_statement_35_what_has_no_right_way_says_why_on_its_page(operator: Client) -> None:
    key = rows.client_key()
    ClientKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    for verb, words in (("rotate_key", "there is nothing to rotate"), ("revoke_key", "already revoked")):
        text = shown(operator, page("tenants_clientkey", verb, key.pk))
        assert words in text and not re.search(r">\s*(Make the new key|Revoke)\s*</button>", text), verb
    person = rows.user()
    assert "has no second factor" in shown(
        operator, reverse("admin:auth_user_take_off_second_factor", args=[person.pk])
    )
