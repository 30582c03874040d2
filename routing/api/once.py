"""What does an Idempotency-Key do to a request? One run, and its answer again for whoever sends the same."""

from hashlib import blake2b
from typing import Final

from routing.api.entry import Headers, caller_of
from routing.repeating.finished import Finished
from routing.repeating.repeats import Work
from routing.runtime import runtime

REPLAYED: Final = (b"idempotent-replayed", b"true")


async def once(key: bytes, route: str, path: str, headers: Headers, body: bytes, work: Work) -> Finished:
    """The answer of `work`, or the one that the same client key got before at this address under `key`.

    `work` raises no `GatewayError`: a refusal is an answer too. Raises `Unauthenticated`, `OutsideScope`,
    `IdempotencyKeyReused`.
    """
    now = runtime()
    caller = caller_of(headers, now.keyring.current, route)
    name = blake2b(b"%d %s %s" % (caller.key_id, path.encode(), key), digest_size=16).hexdigest()
    answer, replayed = await now.repeats.once(name, body, work)
    return Finished(answer.status, [*answer.headers, REPLAYED], answer.body) if replayed else answer
