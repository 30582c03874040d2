"""Browsers in which somebody is signed in."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Q
from django.test import Client

from tenants.models import Tenant
from tests.admin import rows
from tests.people import browser_of, staff

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
