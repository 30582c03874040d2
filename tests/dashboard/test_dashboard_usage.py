"""My usage: the figures of `/v1/usage` on a page, and the keys that a person makes, replaces and ends."""

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from providers.models import AuditEntry
from tenants import keys
from tenants.errors import Unauthenticated
from tenants.keyring import authenticate, keyring, load_keyring
from tenants.models import Budget, ClientKey, Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.traffic import day, outcome, ship
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
PAGE, NEW = "/dashboard/usage/", "/dashboard/usage/keys/new/"
NOW = datetime.now(UTC)


@pytest.fixture
def teams():
    limits = {"requests_per_day": 1_000, "tokens_per_minute": 12_000, "concurrent_requests": 4}
    return Tenant.objects.create(name="team-a", **limits), Tenant.objects.create(name="team-b")


@pytest.fixture
def ana(teams):
    """An operator of team-a."""
    return staff("ana", "operator", tenants=(teams[0],))


def text_of(answer):
    page = re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(page))


def made(person, name="report", **fields):
    answer = browser_of(person).post(NEW, {"tenant": "team-a", "name": name, **fields})
    assert answer.status_code == 200, text_of(answer)
    return ClientKey.objects.get(name=name), unescape(
        re.search(r'id="client-key"[^>]*>([^<]+)', answer.content.decode())[1]
    )


def works(plain):
    try:
        return authenticate(plain, load_keyring(), NOW.timestamp()).key_name
    except Unauthenticated:
        return None


# What was used, and what is left


def test_the_page_and_its_file_say_what_v1_usage_says(teams, ana, client, tmp_path):
    told = day(NOW - timedelta(minutes=1), 80, hours=5)
    ship([one for one in told if one.tenant_id != teams[0].pk], tmp_path / "others")
    own = [*day(NOW - timedelta(minutes=1), 30, hours=2, seed=4), outcome(datetime.now(UTC), random.Random(4))]
    ship([_of(one, teams[0]) for one in own], tmp_path / "own")  # the last also where a month has begun
    Budget.objects.create(tenant=teams[0], limit_usd=10, period="month")
    _, plain = made(ana)
    keyring.reload()
    said = client.get("/v1/usage", headers={"authorization": f"Bearer {plain}"}).json()
    page = browser_of(ana).get(PAGE).content.decode()
    month = said["month"]
    shown = re.search(r'Cost this month</dt><dd><data value="([\d.]+)"', page)[1]
    assert float(shown) == float(month["cost_usd"]) > 0
    assert f"<dt>Requests this month</dt><dd>{month['requests']:,}</dd>" in page
    file = [(row[2], row[4]) for row in rows_of(browser_of(ana), "usage/usage_left")[1:]]
    left = [(str(one["limit"]), str(one["remaining"])) for one in [*said["limits"], *said["budgets"]]]
    assert file == left
    assert len(said["limits"]) == 3 and len(said["budgets"]) == 1


def test_my_usage_is_that_of_my_keys_and_a_switch_shows_all_that_i_see(teams, ana, tmp_path):
    mine, _ = made(ana)
    lent = ClientKey.objects.create(tenant=teams[0], name="lent", prefix="nr-lent", digest="lent", lent_to=ana)
    other = ClientKey.objects.create(tenant=teams[0], name="other", prefix="nr-other", digest="other")
    told = day(NOW - timedelta(minutes=1), 60, hours=5)
    for number, one in enumerate(told):
        key = (mine, lent, other, other)[number % 4]
        _of(one, teams[0]).key_id, one.key_prefix = key.pk, key.prefix
    ship(told, tmp_path / "own")
    browser, me = browser_of(ana), (mine.pk, lent.pk)

    def listed(words: str = "") -> list[str]:
        page = browser.get(f"{PAGE}?range=24h{words}").content.decode()
        return re.findall(r"req_([0-9a-f]{32})", page.split('id="panel-usage_latest"')[1].split("</section>")[0])

    newest = sorted((one.id for one in told if one.key_id in me), reverse=True)
    assert list(dict.fromkeys(listed())) == newest[:8]
    assert list(dict.fromkeys(listed("&whose=team"))) == sorted((one.id for one in told), reverse=True)[:8]
    cost = [sum(one.cost_nano_usd or 0 for one in told if one.key_id in keys) for keys in (me, (*me, other.pk))]
    for words, nano in (({}, cost[0]), ({"whose": "team"}, cost[1])):
        rows = rows_of(browser, "usage/usage_cost", range="24h", **words)[1:]
        assert round(sum(float(cell or 0) for row in rows for cell in row[1:]) * 1e9) == nano > 0
    switch = re.findall(r'whose=team">([^<]+)</a>', browser.get(PAGE).content.decode())
    assert switch == ["all keys of my tenant"]
    bea = browser_of(staff("bea", "operator", tenants=(teams[0],)))
    assert "Your keys were not used in this range" in text_of(bea.get(PAGE))


def _of(one, tenant):
    one.tenant_id, one.tenant, one.key_id = tenant.pk, tenant.name, 77
    return one


def test_who_belongs_to_no_tenant_but_sees_all_hears_what_to_do_where_there_is_none_yet(admin_client):
    page = admin_client.get(PAGE)
    assert "There is no tenant yet." in text_of(page) and "No key is yours yet." in text_of(page)
    assert 'href="/admin/tenants/tenant/add/"' in page.content.decode()
    assert "A key is made for a tenant in use" in text_of(page)
    refused = admin_client.get(NEW)
    assert refused.status_code == 404 and "A key is made for a tenant in use" in text_of(refused)
    viewer = browser_of(staff("vic", "viewer", "every tenant")).get(PAGE)
    assert "An owner or operator can make one in admin." in text_of(viewer)
    assert "/admin/tenants/tenant/add/" not in viewer.content.decode()


def test_who_sees_all_chooses_among_several_whatever_name_stands_in_the_address(teams, admin_client):
    Tenant.objects.create(name="of drills", drill=True)
    for words in ({}, {"tenant": "nobody"}, {"tenant": "of drills"}):
        page = admin_client.get(PAGE, words)
        panel = page.content.decode().split('id="panel-usage_left"')[1].split("</section>")[0]
        choices = re.findall(r'<a class="chip" href="([^"]+)">', panel)
        assert choices == [f"{PAGE}?tenant=team-a", f"{PAGE}?tenant=team-b"], words
        assert ("has limits to show" in text_of(page)) is bool(words)
    assert "Requests this month 0" in text_of(admin_client.get(PAGE, {"tenant": "team-a"}))
    Tenant.objects.bulk_create(Tenant(name=f"team-{number:02}") for number in range(30))
    assert "the filter Tenant finds the others" in text_of(admin_client.get(PAGE))


def test_with_several_tenants_it_asks_which(teams):
    page = browser_of(staff("eve", "viewer", tenants=teams)).get(PAGE)
    assert "Limits belong to one tenant: which one?" in text_of(page)
    assert 'href="/dashboard/usage/?tenant=team-b"' in page.content.decode()


def test_a_tenant_without_limits_and_without_requests_gets_the_lines_to_begin(teams):
    page = browser_of(staff("eve", "viewer", tenants=(teams[1],))).get(PAGE)
    assert "No limit and no budget is set for team-b" in text_of(page)
    assert "curl http://testserver/v1/chat/completions" in text_of(page)


def test_of_another_tenant_nothing_is_seen(teams, ana, tmp_path):
    ship([_of(one, teams[1]) for one in day(NOW - timedelta(minutes=1), 9, hours=1)], tmp_path / "spool")
    page = browser_of(ana).get(PAGE)
    assert "team-b" not in text_of(page) and "Requests this month 0" in text_of(page)
    assert browser_of(ana).get(PAGE, {"tenant": "team-b"}).status_code == 404


# The keys of one's own


def test_a_new_key_works_is_shown_once_and_belongs_to_who_made_it(ana):
    key, plain = made(ana, lifetime="30", reason="monthly report")
    assert works(plain) == "report"
    assert (key.owner, key.operator, key.expires_at.date()) == (ana, False, (NOW + timedelta(days=30)).date())
    page = browser_of(ana).get(PAGE).content.decode()
    assert plain not in page and f"{key.prefix}…" in page
    (entry,) = AuditEntry.objects.filter(kind="client key")
    assert (entry.actor, entry.action, entry.reason) == ("ana", "added", "monthly report")
    assert plain not in str(entry.changes)


def test_a_key_of_ones_own_may_be_made_for_less_than_its_tenant_may(ana):
    key, plain = made(ana, allow_models="gpt-*, ollama/*", allow_routes=["chat", "usage"])
    scope = authenticate(plain, load_keyring(), NOW.timestamp()).scope
    assert (scope.models, scope.policies, scope.routes) == (("gpt-*", "ollama/*"), (), ("chat", "usage"))
    assert "models gpt-*, ollama/*; routes chat, usage" in text_of(browser_of(ana).get(PAGE))
    browser_of(ana).post(f"/dashboard/usage/keys/{key.pk}/rotate/", {"overlap": "1"})
    assert ClientKey.objects.get(name="report").scope == scope
    wrong = browser_of(ana).post(NEW, {"tenant": "team-a", "name": "other", "allow_routes": ["telepathy"]})
    assert wrong.status_code == 422 and "telepathy is not one of the available choices" in text_of(wrong)


def test_the_page_with_the_key_has_a_curl_and_is_kept_by_nobody(ana):
    answer = browser_of(ana).post(NEW, {"tenant": "team-a", "name": "report"})
    assert "no-store" in answer["cache-control"]
    assert "Authorization: Bearer nr-" in text_of(answer) and "http://testserver/v1/chat/completions" in text_of(answer)


def test_what_is_wrong_is_said_at_its_field(ana):
    made(ana)
    answer = browser_of(ana).post(NEW, {"tenant": "team-a", "name": "report"})
    assert answer.status_code == 422 and "team-a has a key called report already" in text_of(answer)
    assert browser_of(ana).post(NEW, {"tenant": "team-b", "name": "other"}).status_code == 422
    assert ClientKey.objects.count() == 1


def test_a_rotated_key_goes_on_for_the_chosen_while_and_its_successor_is_ones_own(ana):
    old, plain = made(ana)
    answer = browser_of(ana).post(f"/dashboard/usage/keys/{old.pk}/rotate/", {"overlap": "1", "reason": "leaked?"})
    assert answer.status_code == 200 and "works until" in text_of(answer)
    old.refresh_from_db()
    assert timedelta(minutes=59) < old.expires_at - datetime.now(UTC) <= timedelta(minutes=60)
    new = ClientKey.objects.get(name="report")
    assert new.pk != old.pk and new.owner == ana and works(plain)
    told = AuditEntry.objects.filter(reason="leaked?").values_list("action", flat=True)
    assert sorted(told) == ["added", "rotated"]


def test_revoking_asks_first_names_the_effect_and_ends_the_key(ana):
    key, plain = made(ana)
    address = f"/dashboard/usage/keys/{key.pk}/revoke/"
    assert "0 requests used it in the last hour" in text_of(browser_of(ana).get(address)) and works(plain)
    assert browser_of(ana).post(address, {"reason": "done"}).status_code == 302
    assert works(plain) is None
    entry = AuditEntry.objects.get(action="revoked")
    assert (entry.reason, entry.changes["revoked_at"][0]) == ("done", None)
    assert browser_of(ana).post(address).status_code == 404


@pytest.mark.parametrize("verb", ["rotate", "revoke"])
def test_the_keys_of_others_are_unknown(teams, ana, verb):
    theirs, _ = keys.issue(teams[0], "theirs", owner=staff("ben", "operator", tenants=(teams[0],)))
    nobodys, _ = keys.issue(teams[0], "nobodys")
    for key in (theirs, nobodys):
        assert browser_of(ana).post(f"/dashboard/usage/keys/{key.pk}/{verb}/", {"overlap": "0"}).status_code == 404
    assert "theirs" not in text_of(browser_of(ana).get(PAGE))
    assert not ClientKey.objects.exclude(revoked_at=None).exists()


def test_who_left_the_tenant_has_lost_its_keys_too(ana):
    key, _ = made(ana)
    ana.memberships.all().delete()
    assert browser_of(ana).post(f"/dashboard/usage/keys/{key.pk}/revoke/").status_code == 404


def test_who_may_not_sees_the_buttons_with_the_reason(teams):
    person = staff("vic", "viewer", tenants=(teams[0],))
    key, _ = keys.issue(teams[0], "mine", owner=person)
    page = browser_of(person).get(PAGE)
    assert len(re.findall(r"<button[^>]* disabled", page.content.decode())) == 3
    assert "the role operator has it, and an owner can give it" in text_of(page)
    for address in (NEW, f"/dashboard/usage/keys/{key.pk}/rotate/", f"/dashboard/usage/keys/{key.pk}/revoke/"):
        assert browser_of(person).post(address, {"tenant": "team-a", "name": "x", "overlap": "0"}).status_code == 403
    assert ClientKey.objects.filter(revoked_at=None).count() == 1


def test_a_key_made_in_admin_belongs_to_who_made_it(teams):
    person = staff("ola", "owner", "every tenant")
    page = browser_of(person).post(
        "/admin/tenants/clientkey/add/", {"tenant": teams[0].pk, "name": "batch", "lifetime": ""}
    )
    assert page.status_code == 200 and ClientKey.objects.get(name="batch").owner == person
    assert "batch" in text_of(browser_of(person).get(PAGE))
