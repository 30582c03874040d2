"""Nobody changes, resets, deletes or makes people of more rights or more tenants than their own, by whichever way."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from providers.models import AuditEntry
from tenants.models import Membership, Tenant
from tests.admin.pages import fill, page
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
PASSWORD = "needle-Horse-4711"
READS = Permission.objects.filter(codename="read_bodies")
OVER_PEOPLE = ("auth", "tenants")


@pytest.fixture
def chief(ours: Tenant) -> User:
    """Who may do everything with people and keys, of one tenant; no other right."""
    person = staff("chief", tenants=(ours,))
    rights = Permission.objects.filter(content_type__app_label__in=OVER_PEOPLE)
    person.user_permissions.set(rights.exclude(codename="see_every_tenant"))
    return person


def every(theirs: Tenant) -> User:
    return staff("every", "every tenant")


def elsewhere(theirs: Tenant) -> User:
    return staff("elsewhere", tenants=(theirs,))


def reader(theirs: Tenant) -> User:
    person = staff("reader")
    person.user_permissions.set(READS.all())
    return person


def grouped(theirs: Tenant) -> User:
    return staff("grouped", "finance")


def sleeping(theirs: Tenant) -> User:
    """Switched off, and an owner as soon as somebody switches it on."""
    person = staff("sleeping", "owner")
    person.is_active = False
    person.save()
    return person


def root(theirs: Tenant) -> User:
    return User.objects.create_superuser("root")


def deeds(person: User) -> list[tuple[str, Callable[[Client], object]]]:
    """Every way to write a person, with what each would change."""
    listed, pk = page("auth_user", "changelist"), person.pk
    chosen = {"action": "delete_selected", "_selected_action": [pk], "post": "yes", "index": 0}
    typed = {"username": "taken", "is_staff": "on", "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    secret = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true", "set-password": "x"}
    bodies = ({"password": PASSWORD}, {"email": "me@example.com"}, {"is_active": True}, {"groups": []}, {"tenants": []})
    return [
        ("form", lambda who: who.post(page("auth_user", "change", pk), typed)),
        ("password form", lambda who: who.post(page("auth_user", "password_change", pk), secret)),
        ("delete", lambda who: who.post(page("auth_user", "delete", pk), {"post": "yes"})),
        ("delete chosen", lambda who: who.post(listed, chosen)),
        ("delete all found", lambda who: who.post(f"{listed}?q={person.username}", chosen | {"select_across": "1"})),
        ("second factor", lambda who: who.post(page("auth_user", "take_off_second_factor", pk), {"reason": "x"})),
        *((f"PATCH {body}", lambda who, body=body: Caller("", who)("PATCH", f"users/{pk}", body)) for body in bodies),
        ("DELETE", lambda who: Caller("", who)("DELETE", f"users/{pk}")),
    ]


def state(person: User) -> tuple[object, ...]:
    kept = User.objects.filter(pk=person.pk).values_list().first()
    groups = tuple(Group.objects.filter(user=person).values_list("name", flat=True))
    return kept, groups, tuple(Membership.objects.filter(user=person).values_list("tenant", flat=True))


@pytest.mark.parametrize("kind", [every, elsewhere, reader, grouped, sleeping, root])
def test_no_verb_on_people_reaches_beyond_the_own_rights_and_tenants(kind, chief, ours, theirs):
    person = kind(theirs)
    Membership.objects.create(user=person, tenant=ours)  # who is of no tenant in sight is not there at all
    browser, before = browser_of(chief), state(person)
    for name, deed in deeds(person):
        if kind is elsewhere and "tenants" in name:
            continue  # the own tenant is one's own to say
        deed(browser)
        assert state(person) == before, name
    assert not AuditEntry.objects.filter(kind="user").exists()
    shown = browser.get(page("auth_user", "change", person.pk))
    assert shown.status_code == 200 and b'name="_save"' not in shown.content
    assert b"every right of this person" in shown.content


def test_each_of_these_verbs_works_within_reach(chief, ours, theirs):
    """What the crawl above does is no empty gesture."""
    for number, (name, _) in enumerate(deeds(chief)):
        if name == "second factor":
            continue  # for superusers
        person = staff(f"mia-{number}", tenants=(ours,))
        person.groups.add(Group.objects.create(name=f"plain-{number}"))
        User.objects.filter(pk=person.pk).update(is_active="is_active" not in name)
        before = state(person)
        dict(deeds(person))[name](browser_of(chief))
        assert state(person) != before, name


def test_nobody_gives_a_right_of_which_they_have_none(chief, ours):
    mia, browser, owner = staff("mia", tenants=(ours,)), browser_of(chief), Group.objects.get(name="owner")
    own = Group.objects.create(name="people")
    own.permissions.set(Permission.objects.filter(codename="change_user"))
    asked = {"app_label": "auth", "model_name": "user", "field_name": "groups", "term": ""}
    offered = browser.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [each["text"] for each in offered] == ["people"]
    where = page("auth_user", "change", mia.pk)
    assert fill(browser, where, "user_form", groups=[owner.pk]).status_code == 200
    assert not mia.groups.exists() and fill(browser, where, "user_form", groups=[own.pk]).status_code == 302
    for method, path, body in (
        ("PATCH", f"users/{mia.pk}", {"groups": ["owner"]}),
        ("PATCH", f"users/{chief.pk}", {"groups": ["every tenant"]}),
        ("POST", "users", {"username": "eve", "groups": ["finance"]}),
    ):
        answer = Caller("", browser)(method, path, body)
        assert answer.status_code == 403 and answer.json()["error"]["param"] == "groups", answer.content
    body = {"username": "eve", "groups": ["people"], "tenants": ["ours"]}
    assert Caller("", browser)("POST", "users", body).status_code == 201
    assert not chief.groups.exists() and list(mia.groups.all()) == [own]


def test_no_right_is_written_into_a_group_by_who_lacks_it_or_sees_some_tenants(chief, ours):
    browser, viewer = browser_of(chief), Group.objects.get(name="viewer")
    own = Group.objects.create(name="people")
    for group in (viewer, own):
        before = set(group.permissions.all())
        typed = {"name": group.name, "permissions": [Permission.objects.get(codename="change_user").pk]}
        assert browser.post(page("auth_group", "change", group.pk), typed).status_code == 403
        assert browser.post(page("auth_group", "delete", group.pk), {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes", "index": 0}
        browser.post(page("auth_group", "changelist"), chosen)
        assert set(Group.objects.get(pk=group.pk).permissions.all()) == before
    chief.user_permissions.add(Permission.objects.get(codename="see_every_tenant"))
    where = page("auth_group", "change", own.pk)
    assert fill(browser, where, "group_form", permissions=[READS.get().pk]).status_code == 200
    right = Permission.objects.get(codename="change_user")
    assert fill(browser, where, "group_form", permissions=[right.pk]).status_code == 302
    assert list(own.permissions.all()) == [right]


def test_a_group_keeps_rights_that_have_no_page_here_when_it_is_saved(operator):
    owner = Group.objects.get(name="owner")
    before = set(owner.permissions.all())
    assert fill(operator, page("auth_group", "change", owner.pk), "group_form", name="owners").status_code == 302
    assert set(owner.permissions.all()) == before


def test_who_has_more_rights_is_neither_made_a_member_nor_put_out(chief, ours, theirs):
    browser, person, mia = browser_of(chief), reader(theirs), elsewhere(theirs)
    second = Tenant.objects.create(name="second")
    Membership.objects.bulk_create(Membership(user=user, tenant=second) for user in (chief, person))
    where = page("tenants_tenant", "change", ours.pk)
    row = {"members-TOTAL_FORMS": "2", "members-1-tenant": ours.pk, "members-1-user": person.pk}
    answer = fill(browser, where, "tenant_form", **row)
    assert b"Reader has rights that you do not have: usage.read_bodies." in answer.content
    held = Membership.objects.create(user=person, tenant=ours)
    gone = fill(browser, where, "tenant_form", **{"members-0-DELETE": "on", "members-1-DELETE": "on"})
    assert gone.status_code == 200 and Membership.objects.filter(pk=held.pk).exists()
    row = {"members-TOTAL_FORMS": "3", "members-2-tenant": ours.pk, "members-2-user": mia.pk}
    assert fill(browser, where, "tenant_form", **row).status_code == 200, "who is out of sight is not there"
    assert fill(browser_of(root(theirs)), where, "tenant_form", **row).status_code == 302
    assert set(Membership.objects.filter(user=mia).values_list("tenant", flat=True)) == {ours.pk, theirs.pk}


def test_who_sees_some_tenants_finds_their_people_and_oneself_alone(chief, ours, theirs):
    mia, browser = staff("mia", tenants=(ours, theirs)), browser_of(chief)
    hidden = [elsewhere(theirs), every(theirs), root(theirs)]
    seen = {"chief", "mia"}
    listed = browser.get(page("auth_user", "changelist"))
    assert {row.username for row in listed.context["cl"].result_list} == seen
    asked = {"app_label": "tenants", "model_name": "membership", "field_name": "user", "term": ""}
    assert {row["text"] for row in browser.get(reverse("admin:autocomplete"), asked).json()["results"]} == seen
    call = Caller("", browser)
    assert {row["username"] for row in call("GET", "users").json()["data"]} == seen
    assert call("GET", f"users/{mia.pk}").json()["tenants"] == ["ours"]
    for person in hidden:
        for kind in ("change", "history", "delete", "password_change"):
            assert browser.get(page("auth_user", kind, person.pk)).status_code == 404, (person, kind)
        assert call("GET", f"users/{person.pk}").status_code == 404


def test_who_sees_some_tenants_makes_people_of_these(chief, ours, theirs):
    browser, call = browser_of(chief), Caller("", browser_of(chief))
    told = call("POST", "users", {"username": "eve"})
    assert (told.status_code, told.json()["error"]["param"]) == (400, "tenants")
    where, typed = page("auth_user", "add"), {"username": "zoe", "password1": PASSWORD, "password2": PASSWORD}
    refused = fill(browser, where, "user_form", **typed)
    assert "Choose a tenant that you see" in refused.content.decode()
    assert fill(browser, where, "user_form", **typed, **{"memberships-0-tenant": theirs.pk}).status_code == 200
    assert not User.objects.filter(username__in=("eve", "zoe")).exists()
    made = fill(browser, where, "user_form", **typed, **{"memberships-0-tenant": ours.pk})
    assert made.status_code == 302, made.context["errors"]
    assert list(Membership.objects.filter(user__username="zoe").values_list("tenant", flat=True)) == [ours.pk]
    zoe = User.objects.get(username="zoe")
    assert zoe.check_password(PASSWORD) and not zoe.is_staff and browser.get(page("auth_user", "change", zoe.pk))
    assert fill(browser_of(root(theirs)), where, "user_form", **typed | {"username": "bea"}).status_code == 302
    assert User.objects.filter(username="bea", memberships=None).exists(), "who sees every tenant need name none"
    chief.user_permissions.remove(Permission.objects.get(codename="add_membership"))
    assert browser.get(where).status_code == 403
