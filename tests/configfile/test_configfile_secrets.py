"""Credentials and client keys of a file: stored, rotated, handed out once, never shown."""

import stat
from datetime import timedelta

import pytest
from django.utils import timezone

from providers.models import Credential, Provider
from providers.rotation import rotate
from providers.secrets import seal, unseal
from tenants.keyring import authenticate, load_keyring
from tenants.keys import revoke
from tenants.models import ClientKey
from tests.configfile.files import SECRET, WHOLE, exported, keys_in, provider

pytestmark = pytest.mark.django_db


def pool():
    return {row.name: unseal(row.ciphertext) for row in Credential.objects.filter(enabled=True)}


def test_a_list_is_the_pool(run, monkeypatch):
    monkeypatch.setenv("ANOTHER_KEY", "sk-another-0123456789")
    run(provider("  credential_env: [BENCH_UPSTREAM_KEY, ANOTHER_KEY]\n"))
    assert pool() == {"BENCH_UPSTREAM_KEY": SECRET, "ANOTHER_KEY": "sk-another-0123456789"}
    run(provider("  credential: [sk-one-0123456789, sk-two-0123456789]\n"))
    assert pool() == {"default": "sk-one-0123456789", "default-2": "sk-two-0123456789"}
    assert Credential.objects.count() == 4


def test_a_rotated_secret_is_replaced_and_never_shown(run, monkeypatch):
    first = run(WHOLE)
    monkeypatch.setenv("BENCH_UPSTREAM_KEY", "sk-rotated-0123456789")
    second = run(WHOLE)
    assert second == "~ credential bench/BENCH_UPSTREAM_KEY: replaced\n1 change made\n"
    assert pool() == {"BENCH_UPSTREAM_KEY": "sk-rotated-0123456789"}
    assert SECRET not in first and "rotated" not in second


def test_a_secret_that_no_key_opens_is_replaced(run, settings):
    run(WHOLE)
    settings.SECRETS_KEYS = ["a completely different key"]
    assert "replaced" in run(WHOLE)
    assert pool() == {"BENCH_UPSTREAM_KEY": SECRET}


def test_a_file_without_credentials_leaves_the_pool_alone(run):
    run(provider())
    Credential.objects.create(provider=Provider.objects.get(), ciphertext=seal(SECRET), last_four="6789")
    assert run(provider()) == "no change\n"
    assert pool() == {"default": SECRET}


def test_a_missing_variable_is_named_with_its_line(refused):
    message = refused(provider("  credential_env: [BENCH_UPSTREAM_KEY, NOT_THERE]\n"))
    assert "line 5: providers[0].credential_env[1]: the environment variable NOT_THERE is not set" in message


def test_a_secret_with_a_line_break_is_refused_and_not_repeated(refused):
    message = refused(provider('  credential: "sk-broken\\r\\nX-Evil: 1"\n'))
    assert "line 5: providers[0].credential[0]: a credential has printable ASCII" in message
    assert "broken" not in message


def test_keys_go_to_a_file_of_their_own_once(run, tmp_path):
    path = tmp_path / "keys"
    path.write_text("old/key=kept\nteam-a/ci=stale\n")
    path.chmod(0o644)
    output = run(WHOLE, "--keys-to", str(path))
    lines = path.read_text().splitlines()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [line.split("=")[0] for line in lines] == ["old/key", "team-a/ci", "team-a/ops"]
    assert lines[0] == "old/key=kept"
    key = dict(line.split("=") for line in lines)["team-a/ci"]
    assert authenticate(key, load_keyring(), 0).key_name == "ci"
    assert key not in output and not keys_in(output)
    before = path.read_bytes()
    run(WHOLE, "--keys-to", str(path))
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.yaml", "keys"]


def test_when_the_file_cannot_be_written_no_key_is_made(refused, tmp_path):
    assert "nothing was changed" in refused(WHOLE, "--keys-to", str(tmp_path / "nowhere" / "keys"))


def test_one_s_own_key_is_taken_and_replaced_but_not_printed(run, monkeypatch):
    text = "tenants: [{name: team-a, keys: [{name: ci, value_env: OUR_KEY}]}]"
    monkeypatch.setenv("OUR_KEY", "our-own-key-0123456789")
    output = run(text)
    assert authenticate("our-own-key-0123456789", load_keyring(), 0).key_name == "ci"
    assert "our-own-key" not in output
    assert run(text) == "no change\n"
    monkeypatch.setenv("OUR_KEY", "our-new-key-0123456789")
    assert run(text) == "~ client key team-a/ci: replaced\n1 change made\n"
    assert list(load_keyring().callers.values())[0].key_prefix.startswith("own-")
    assert authenticate("our-new-key-0123456789", load_keyring(), 0).key_name == "ci"


def test_an_unfit_or_taken_key_is_refused_and_not_repeated(refused):
    keys = "[{name: a, value: short}, {name: b, value: own-key-0123456789}, {name: c, value: own-key-0123456789}]"
    message = refused(f"tenants:\n- name: t\n  keys: {keys}")
    assert "line 3: tenants[0].keys[0].value: a client key has 16 to 512 characters" in message
    assert "line 3: tenants[0].keys[2].value: this value is already the key t/b" in message
    assert "own-key-0123456789" not in message


def test_a_revoked_key_stays_revoked(run):
    run("tenants: [{name: team-a, keys: [{name: ci}]}]")
    revoke(ClientKey.objects.get())
    output = run("tenants: [{name: team-a, keys: [{name: ci}]}]")
    assert "line 1: client key team-a/ci is revoked for good" in output
    assert load_keyring().callers == {}
    assert "keys:" not in exported()


def test_a_key_that_was_rotated_in_admin_and_then_in_the_file_is_the_whole_pool(run, monkeypatch):
    run(WHOLE)
    rotate(Credential.objects.get(), "sk-rotated-in-admin-0123", timedelta(hours=1), timezone.now())
    monkeypatch.setenv("BENCH_UPSTREAM_KEY", "sk-rotated-in-admin-0123")
    said = run(WHOLE)
    assert "enabled true -> false" in said and "replaced" not in said
    assert pool() == {"BENCH_UPSTREAM_KEY": "sk-rotated-in-admin-0123"}
    assert run(exported()) == "no change\n"


def test_a_key_of_the_file_that_was_given_an_end_goes_on(run):
    run(WHOLE)
    Credential.objects.update(expires_at=timezone.now())
    assert "~ credential bench/BENCH_UPSTREAM_KEY: end " in run(WHOLE)
    assert Credential.objects.get().expires_at is None
