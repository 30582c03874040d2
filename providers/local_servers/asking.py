"""How is a local server asked? With httpx, within a bound, whatever comes back."""

import time
from types import TracebackType
from typing import Any, Final, Self

import httpx
from msgspec import Struct

from providers.errors import ProviderError, Unreachable, UpstreamTimeout

ASK_S: Final = 3.0
VERSIONS: Final = ("/api/v0", "/api/v1", "/v1", "/api")  # what a base URL may end with


class Reply(Struct, frozen=True):
    """A status and the JSON that came with it; None where it was none."""

    status: int
    body: Any

    def rows(self, field: str) -> list[dict[str, Any]]:
        """The objects in the list under `field`; empty where there is none."""
        found = self.body.get(field) if isinstance(self.body, dict) else None
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def has(self, field: str) -> bool:
        return self.status == 200 and isinstance(self.body, dict) and field in self.body


class Asking:
    """Asks one server; `base_url` is the provider's, with or without a version at its end. Use it in a `with` block.

    After `until` (`time.monotonic()` seconds) nothing is asked any more.
    """

    def __init__(
        self,
        base_url: str,
        headers: dict[str, str] | None = None,
        *,
        timeout_s: float = ASK_S,
        until: float | None = None,
    ) -> None:
        self._until = until
        root = base_url.rstrip("/")
        for version in VERSIONS:
            if root.endswith(version):
                root = root.removesuffix(version)
                break
        self._client = httpx.Client(
            base_url=root, headers=headers, timeout=timeout_s, follow_redirects=False, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str) -> Reply:
        """Raises `Unreachable`, `UpstreamTimeout`."""
        return self._ask("GET", path, None, None)

    def post(self, path: str, body: object, timeout_s: float | None = None) -> Reply:
        """Raises `Unreachable`, `UpstreamTimeout`; `timeout_s` where the answer waits for something slow."""
        return self._ask("POST", path, body, timeout_s)

    def finds(self, path: str) -> Reply:
        """What stands there; status 0 where nobody answers. Raises nothing."""
        try:
            return self.get(path)
        except ProviderError:
            return Reply(0, None)

    def _ask(self, method: str, path: str, body: object, timeout_s: float | None) -> Reply:
        if self._until is not None and time.monotonic() > self._until:
            raise UpstreamTimeout("no time left to ask")
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s
        try:
            answer = self._client.request(method, path, json=body, timeout=timeout)
        except httpx.TimeoutException as exc:
            raise UpstreamTimeout(f"no answer from {path} in time") from exc
        except httpx.HTTPError as exc:
            raise Unreachable(f"no answer from {path} ({type(exc).__name__})") from exc
        try:
            return Reply(answer.status_code, answer.json())
        except ValueError:
            return Reply(answer.status_code, None)
