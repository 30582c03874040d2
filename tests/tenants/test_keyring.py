"""Authentication: a live key has a bearer, everything else one and the same refusal."""

from datetime import UTC, datetime, timedelta

import pytest

from tenants.errors import Unauthenticated
from tenants.keyring import authenticate, load_keyring, token_of
from tenants.keys import issue, new_key, revoke
from tenants.models import Tenant

pytestmark = pytest.mark.django_db
NOW = datetime.now(tz=UTC)


def tenant(name="team-a", **fields):
    return Tenant.objects.create(name=name, **fields)


def at(moment):
    return moment.timestamp()


def test_a_live_key_brings_its_tenant_s_rights_and_limits():
    of = tenant(allow_models=["gpt-*"], default_policy="best-quality", requests_per_minute=5, explain=True)
    row, plain = issue(of, "ci", operator=True)
    caller = authenticate(plain, load_keyring(), at(NOW))
    assert (caller.tenant, caller.tenant_id, caller.key_id, caller.key_name) == ("team-a", of.pk, row.pk, "ci")
    assert (caller.allow_models, caller.allow_policies) == (("gpt-*",), ("*",))
    assert (caller.default_policy, caller.explain, caller.operator) == ("best-quality", True, True)
    assert (caller.limits.requests_per_minute, caller.limits.requests_per_day) == (5, None)
    assert caller.key_prefix == plain[:11]


def test_one_s_own_key_is_known():
    issue(tenant(), "ci", value="sk-brought-0123456789")
    assert authenticate("sk-brought-0123456789", load_keyring(), at(NOW)).key_name == "ci"


def test_every_refusal_is_the_same():
    of = tenant()
    live, plain = issue(of, "live")
    gone, revoked = issue(of, "revoked")
    revoke(gone)
    _, expired = issue(of, "expired", expires_at=NOW - timedelta(seconds=1))
    _, disabled = issue(tenant("off", enabled=False), "ci")
    ring = load_keyring()
    assert authenticate(plain, ring, at(NOW)).key_id == live.pk
    refused = [None, "", "x", new_key(), plain[:-1] + "!", revoked, expired, disabled, "é" * 20, plain + " "]
    messages = set()
    for token in refused:
        with pytest.raises(Unauthenticated) as caught:
            authenticate(token, ring, at(NOW))
        messages.add((caught.value.message, caught.value.status, caught.value.code))
    assert len(messages) == 1


def test_a_key_expires_between_two_loads():
    _, plain = issue(tenant(), "ci", expires_at=NOW + timedelta(hours=1))
    ring = load_keyring()
    assert authenticate(plain, ring, at(NOW)).key_name == "ci"
    with pytest.raises(Unauthenticated):
        authenticate(plain, ring, at(NOW + timedelta(hours=1)))


def test_the_keyring_shows_no_digest():
    row, _ = issue(tenant(), "ci")
    assert row.digest not in repr(load_keyring())


def test_ten_thousand_keys_take_as_few_queries_as_one(django_assert_num_queries):
    of = tenant()
    for number in range(20):
        issue(of, f"k{number}")
    with django_assert_num_queries(3):
        assert len(load_keyring().callers) == 20


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([], None),
        ([(b"authorization", b"Bearer abc")], "abc"),
        ([(b"authorization", b"bearer  abc ")], "abc"),
        ([(b"authorization", b"Bearer ")], None),
        ([(b"authorization", b"Basic abc")], None),
        ([(b"x-api-key", b"abc")], "abc"),
        ([(b"api-key", b" abc ")], "abc"),
        ([(b"x-api-key", b"")], None),
        ([(b"api-key", b"azure"), (b"x-api-key", b"anthropic"), (b"authorization", b"Bearer openai")], "openai"),
        ([(b"api-key", b"azure"), (b"authorization", b"Basic x"), (b"x-api-key", b"anthropic")], "anthropic"),
        ({b"host": b"x", b"x-api-key": b"abc"}, "abc"),
    ],
)
def test_the_key_is_found_in_every_carrier(headers, token):
    assert token_of(headers) == token
