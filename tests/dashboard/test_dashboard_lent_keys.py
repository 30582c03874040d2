"""The keys that the playground is lent: how long they live, what they may, and where they are not listed."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import reverse

from providers import audit
from providers.models import AuditEntry
from providers.revisions import TENANTS, numbers
from routing.configfile.exporting import export
from tenants.attention import notices
from tenants.errors import Unauthenticated
from tenants.keyring import authenticate, load_keyring
from tenants.lentkeys import LIFE, lend
from tenants.models import ClientKey
from tests.dashboard.askers import ana as ana
from tests.dashboard.askers import key_for
from tests.dashboard.askers import teams as teams
from tests.dashboard.askers import uncounted as uncounted
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def lent(ana, tenant, now=None):
    return lend(tenant, ana, audit.Actor("ana", "admin"), now or datetime.now(UTC))


def test_it_ends_after_a_quarter_of_an_hour(teams, ana):
    key, plain = lent(ana, teams[0])
    assert key.expires_at - datetime.now(UTC) < LIFE == timedelta(minutes=15)
    ring = load_keyring()
    assert authenticate(plain, ring, (key.expires_at - timedelta(seconds=1)).timestamp()).key_name == "playground-ana"
    with pytest.raises(Unauthenticated):
        authenticate(plain, ring, key.expires_at.timestamp())


def test_it_may_not_operate_and_has_limits_of_its_own(teams, ana):
    caller = authenticate(lent(ana, teams[0])[1], load_keyring(), NOW.timestamp())
    assert not caller.operator
    assert (caller.key_limits.requests_per_minute, caller.key_limits.concurrent_requests) == (60, 8)


def test_lent_again_it_is_the_same_row_with_a_new_value(teams, ana):
    first, before = lent(ana, teams[0])
    revision = numbers()[TENANTS]
    second, after = lent(ana, teams[0])
    assert numbers()[TENANTS] > revision
    assert (second.pk, second.name) == (first.pk, first.name) and before != after
    assert ClientKey.objects.count() == 1
    ring = load_keyring()
    assert authenticate(after, ring, NOW.timestamp())
    with pytest.raises(Unauthenticated):
        authenticate(before, ring, NOW.timestamp())


def test_revoked_it_is_refused_and_not_lent_again(teams, ana):
    key, plain = lent(ana, teams[0])
    ClientKey.objects.filter(pk=key.pk).update(revoked_at=NOW)
    with pytest.raises(Unauthenticated):
        authenticate(plain, load_keyring(), NOW.timestamp())
    answer = key_for(ana)
    assert (answer.status_code, "was revoked" in answer.json()["message"]) == (403, True)


def test_each_lending_is_in_the_audit_log_without_the_key(teams, ana):
    plain = key_for(ana).json()["key"]
    row = AuditEntry.objects.get(action="lent")
    assert (row.actor, row.object_name, row.address) == ("ana", "team-a/playground-ana", "127.0.0.1")
    assert plain not in str(row.changes)


def test_it_stands_in_no_list_of_applications_keys(teams, ana):
    lent(ana, teams[0])
    tenants = yaml.safe_load(export())["tenants"]
    assert not any(tenant.get("keys") for tenant in tenants)
    assert not list(notices(datetime.now(UTC)))  # nobody has to renew it
    owner = browser_of(staff("olga", "owner"))
    assert owner.get("/api/admin/api-keys").json()["total"] == 0


def test_admin_marks_it_and_does_not_rotate_it(teams, ana):
    key, _ = lent(ana, teams[0])
    admin = browser_of(staff("olga", "owner"))
    assert "lent to ana" in admin.get(reverse("admin:tenants_clientkey_changelist")).content.decode()
    page = admin.post(f"{reverse('admin:tenants_clientkey_changelist')}{key.pk}/rotate/", {"overlap": "24"})
    assert "lent to the playground" in page.content.decode()
    assert ClientKey.objects.count() == 1


def test_an_applications_key_of_that_name_stays_its_own(teams, ana):
    own = ClientKey.objects.create(tenant=teams[0], name="playground-ana", prefix="nr-x", digest="x")
    assert lent(ana, teams[0])[0].name == f"playground-ana-{ana.pk}"
    own.refresh_from_db()
    assert own.lent_to is None


def test_a_configuration_file_cannot_take_it_over(teams, ana, tmp_path):
    _, plain = lent(ana, teams[0])
    keys = [{"name": "playground-ana", "operator": True}]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"tenants": [{"name": "team-a", "keys": keys}]}))
    with pytest.raises(CommandError, match="choose another name"):
        call_command("apply", str(file))
    assert not authenticate(plain, load_keyring(), NOW.timestamp()).operator
