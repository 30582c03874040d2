"""Testing a provider really asks it, within a bound, and says what happened without the key."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from providers.models import Provider
from providers.probe import probe
from tests.admin import rows

SECRET = "sk-the-probe-must-not-tell"


@contextmanager
def upstream(status: int, body: bytes) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that answers every GET; yields its base URL and the headers that it has seen."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()} | {":path": self.path})
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def provider(url: str, secret: str | None = SECRET) -> Provider:
    made = rows.provider(base_url=url, allow_private=True, headers={"X-Title": "test"})
    if secret:
        rows.credential(secret, provider=made)
    return made


@pytest.mark.django_db
def test_lists_the_models_with_the_credential() -> None:
    with upstream(200, b'{"object": "list", "data": [{"id": "m1", "object": "model"}, {"id": "m2"}]}') as (url, seen):
        (result,) = probe(provider(url))
    assert result.ok and [model.name for model in result.models] == ["m1", "m2"] and result.elapsed_ms > 0
    assert seen[0][":path"] == "/v1/models" and seen[0]["authorization"] == f"Bearer {SECRET}"
    assert seen[0]["x-title"] == "test"


@pytest.mark.django_db
def test_a_refusal_is_told_without_the_key() -> None:
    body = b'{"error": {"message": "Incorrect API key provided: sk-the-probe-must-not-tell", "type": "auth"}}'
    with upstream(401, body) as (url, _seen):
        (result,) = probe(provider(url))
    assert (
        not result.ok and "our credential rejected by the provider" in result.message and SECRET not in result.message
    )


@pytest.mark.django_db
def test_a_server_that_is_not_there_is_named_unreachable() -> None:
    with upstream(200, b"") as (url, _seen):
        pass
    (result,) = probe(provider(url, secret=None))
    assert not result.ok and "provider not reachable" in result.message and result.credential == "no credential"


@pytest.mark.django_db
def test_something_else_than_a_listing_is_said_to_be_so() -> None:
    with upstream(200, b"<html>It works!</html>") as (url, _seen):
        (result,) = probe(provider(url))
    assert not result.ok and "answer unreadable" in result.message


@pytest.mark.django_db
def test_each_enabled_credential_is_tried() -> None:
    with upstream(200, b'{"data": []}') as (url, seen):
        made = provider(url)
        rows.credential("sk-second-credential-2", provider=made, name="second")
        rows.credential("sk-switched-off-third", provider=made, name="third", enabled=False)
        results = probe(made)
    assert len(results) == len(seen) == 2 and len({request["authorization"] for request in seen}) == 2


@pytest.mark.django_db
def test_a_credential_that_no_key_opens_is_told() -> None:
    made = provider("https://api.example.com/v1", secret=None)
    row = rows.credential(provider=made)
    row.ciphertext = b"sealed elsewhere"
    row.save()
    (result,) = probe(made)
    assert not result.ok and "SECRETS_KEYS" in result.message
