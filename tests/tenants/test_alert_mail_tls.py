"""Alerts by e-mail over TLS: a login goes to a server that shows a certificate which one trusts, and to no other."""

from pathlib import Path

import pytest

from providers.sandbox.certificates import Authority
from tenants.mailing import send
from tenants.webhooks import Undelivered
from tests.mailserver import mail_server

PASSWORD = "a-password-of-mail"
MESSAGE = {"event": "test", "text": "A test"}
WAYS = {"starttls": "EMAIL_USE_TLS", "start": "EMAIL_USE_SSL"}


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one that this machine trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.trusted))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return made


@pytest.fixture
def asked(settings):
    """Say which way goes to which server."""

    def ask(way: str, port: int) -> None:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "neuroroute", PASSWORD
        for name, setting in WAYS.items():
            setattr(settings, setting, name == way)

    return ask


@pytest.mark.parametrize("way", WAYS)
def test_mail_goes_out_encrypted_with_its_login(way, asked, authority):
    with mail_server(way, authority.issue()) as server:
        asked(way, server.port)
        assert send("finance@example.com", MESSAGE, "1") == "the mail server took it"
    assert [mail["to"] for mail in server.got] == ["finance@example.com"]
    assert server.logins == [f"\0neuroroute\0{PASSWORD}".encode()]
    assert server.heard == (["EHLO", "STARTTLS"] if way == "starttls" else [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("flaw", "why"), [("expired", "expired"), ("wrong_host", "not valid for"), ("self_signed", "self-signed")]
)
def test_a_server_that_is_not_trusted_hears_no_login_and_the_reason_is_told(way, flaw, why, asked, authority):
    with mail_server(way, authority.issue(flaw)) as server:
        asked(way, server.port)
        with pytest.raises(Undelivered, match=f"certificate is not trusted: .*{why}") as refused:
            send("finance@example.com", MESSAGE, "1")
    assert not refused.value.permanent and server.logins == server.got == []


def test_a_server_without_starttls_gets_no_mail_in_the_clear(asked):
    with mail_server() as server:
        asked("starttls", server.port)
        with pytest.raises(Undelivered, match="cannot do what EMAIL_URL asks for: STARTTLS"):
            send("finance@example.com", MESSAGE, "1")
    assert server.logins == server.got == [] and "MAIL" not in server.heard
