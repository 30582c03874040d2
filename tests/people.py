"""People of every kind, for the pages that they look at."""

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from tenants.models import Membership, Tenant


def staff(name: str, *groups: str, tenants: tuple[Tenant, ...] = ()) -> User:
    """A staff account in these groups, and a member of these tenants."""
    person = User.objects.create_user(name, is_staff=True)
    person.groups.set([Group.objects.get(name=group) for group in groups])
    Membership.objects.bulk_create(Membership(user=person, tenant=tenant) for tenant in tenants)
    return person


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def session_of(person: User) -> str:
    """The value of the session cookie of a browser in which this person is signed in."""
    return str(browser_of(person).cookies[settings.SESSION_COOKIE_NAME].value)
