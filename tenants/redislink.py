"""How does a request ask Redis without ever waiting for one that is away?"""

import asyncio
import logging
import time
from typing import Final
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
PATIENCE_S: Final = 1.0  # a request never waits longer; less, and a busy event loop would take Redis for away
PAUSE_S: Final = 1.0  # between attempts to reach a Redis that is away
LOG_EVERY_S: Final = 60.0
AWAY: Final = (RedisError, OSError, TimeoutError)


class RedisLink:
    """One client per event loop; `otherwise` says in the log what happens while Redis is away, which it is when it has
    not answered for `patience_s`."""

    def __init__(self, url: str, otherwise: str, patience_s: float = PATIENCE_S) -> None:
        self._url, self._otherwise, self._patience_s = url, otherwise, patience_s
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._away_until = self._quiet_until = 0.0

    @property
    def client(self) -> Redis:
        """The running loop's client."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = Redis.from_url(
                self._url,
                socket_timeout=self._patience_s,
                socket_connect_timeout=self._patience_s,
                retry=Retry(NoBackoff(), 0),
            )
        return client

    def check(self) -> None:
        """Raise `TimeoutError` at once where Redis was away a moment ago."""
        if time.monotonic() < self._away_until:
            raise TimeoutError("Redis was away a moment ago")

    def note_away(self, exc: Exception) -> None:
        """Remember that Redis did not answer; said once a minute."""
        now = time.monotonic()
        if now >= self._away_until:
            self._away_until = now + PAUSE_S
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_EVERY_S
            logger.warning("Redis cannot be reached, %s: %s", self._otherwise, exc)

    async def close(self) -> None:
        """Close the running loop's client."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
