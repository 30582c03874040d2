"""Browsers in which somebody is signed in."""

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model, Q
from django.test import Client
from django.urls import reverse

from providers.adminbase import ReadOnlyAdmin
from providers.models import Credential, Provider
from routing.models import Policy
from tenants.models import ClientKey, Tenant
from tests.admin import rows
from tests.admin.phones import PASSWORD
from tests.people import browser_of, staff

OTHER_PAGES: dict[type[Model], tuple[str, ...]] = {
    Provider: ("import_listed", "compare_listed", "test_connection", "history"),
    Credential: ("rotate_key", "replace_key"),
    ClientKey: ("rotate_key",),
    Policy: ("versions",),
    Group: ("delete",),
}
VIEW, EVERY_TENANT = Q(codename__startswith="view_"), Q(codename="see_every_tenant")


@pytest.fixture
def operator(db: None) -> Client:
    """A browser in which a superuser called ana is signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    """A browser in which somebody is signed in who may see everything and change nothing."""
    person = rows.user(username="vic")
    person.user_permissions.set(Permission.objects.filter(VIEW | EVERY_TENANT))
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def ours(db: None) -> Tenant:
    return rows.tenant(name="ours")


@pytest.fixture
def theirs(db: None) -> Tenant:
    return rows.tenant(name="theirs")


@pytest.fixture
def limited(ours: Tenant) -> Client:
    """Somebody who may do everything with rows, and belongs to one tenant."""
    person = staff("lim", tenants=(ours,))
    person.user_permissions.set(Permission.objects.exclude(codename="see_every_tenant"))
    return browser_of(person)


def named(model: type[Model]) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}"


@pytest.fixture
def addresses(transactional_db: None) -> list[str]:
    """The lists and the forms of everything, with a row in each, and the pages that are none of these."""
    made = {model: make() for model, make in rows.ROWS.items()}
    found = [reverse("admin:index"), reverse("system"), reverse("second-factor"), reverse("admin:password_change")]
    for model, row in made.items():
        name = named(model)
        found += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]
        if not isinstance(admin.site._registry[model], ReadOnlyAdmin):
            found.append(reverse(f"{name}_add"))
    for model, pages in OTHER_PAGES.items():
        found += [reverse(f"{named(model)}_{page}", args=[made[model].pk]) for page in pages]
    return found


@pytest.fixture
def session(transactional_db: None) -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("ana", password=PASSWORD))
    return client.cookies[settings.SESSION_COOKIE_NAME].value
