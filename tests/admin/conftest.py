"""Browsers in which somebody is signed in."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Q
from django.test import Client

from tests.admin.rows import user

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
    person = user(username="vic")
    person.user_permissions.set(Permission.objects.filter(VIEW | EVERY_TENANT))
    client = Client()
    client.force_login(person)
    return client
