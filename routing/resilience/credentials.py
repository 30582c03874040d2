"""Which of a provider's credentials may be used now? A pool that takes turns and leaves out those that were refused.

Three refusals, told apart: a rate limit rests one credential at one deployment for as long as the upstream asked; a
quota that is used up rests the credential everywhere for hours, longer each time; a rejected credential (401:
everywhere, 403: at one deployment) is not used again until it is changed or its health is reset. A credential whose
value has changed starts afresh.
"""

from hashlib import blake2b
from itertools import count
from math import inf
from typing import Final, Literal

from msgspec import Struct

from providers.errors import AccessDenied, CredentialRejected, ProviderError, QuotaExhausted, RateLimited
from providers.targets import Secret, Target

SHORTEST_REST_S: Final = 1.0  # also where the upstream asks for none, or for one that is over
LONGEST_ASKED_REST_S: Final = 300.0
FIRST_UNASKED_REST_S: Final = 5.0  # where the upstream names no time; doubles
LONGEST_UNASKED_REST_S: Final = 60.0
FIRST_EXHAUSTED_S: Final = 3600.0  # doubles
LONGEST_EXHAUSTED_S: Final = 24 * 3600.0
STRIKES_KEPT_S: Final = 2.0  # times the rest: a refusal so long after the last begins anew
MOST_STRIKES: Final = 8
EVERYWHERE: Final = 0  # instead of a deployment

Kind = Literal["rate limited", "quota exhausted", "credential rejected"]
RATE_LIMITED: Final = "rate limited"
Place = tuple[int, int]  # (deployment or EVERYWHERE, credential or 0 where none is needed)


class Bar(Struct, frozen=True):
    """Why and until when (`time.monotonic()`, inf: until somebody acts) a credential is left alone."""

    kind: Kind
    until: float
    since: float
    mark: str  # of the credential's value
    last_four: str = ""


class Strikes(Struct, frozen=True):
    """How often in a row somebody was refused, and until when that counts."""

    number: int
    until: float


class Credentials:
    """The bars of all credentials. `bars` is read by pages; only this class changes it."""

    def __init__(self) -> None:
        self.bars: dict[Place, Bar] = {}
        self._strikes: dict[Place, Strikes] = {}
        self._used: dict[int, int] = {}  # credential -> number of its last turn
        self._turns = count(1)

    def barred(self, target: Target, now: float) -> Bar | None:
        """The bar that ends first where every credential is barred; None when one may be used."""
        if not self.bars:
            return None
        first: Bar | None = None
        for secret in target.secrets or (None,):
            bar = self._bar(target, secret, now)
            if bar is None:
                return None
            if first is None or bar.until < first.until:
                first = bar
        return first

    def choose(self, target: Target, now: float) -> Secret | None:
        """The usable credential whose last turn is longest ago; None where the deployment needs none."""
        secrets = target.secrets
        if len(secrets) < 2:
            return secrets[0] if secrets else None
        usable = [each for each in secrets if self._bar(target, each, now) is None] if self.bars else secrets
        chosen = min(usable or secrets, key=lambda secret: self._used.get(secret.id, 0))
        self._used[chosen.id] = next(self._turns)
        return chosen

    def refused(self, target: Target, secret: Secret | None, error: ProviderError, now: float) -> bool:
        """Take a refusal in; whether it was one of the credential."""
        number = secret.id if secret else 0
        if isinstance(error, RateLimited):
            self._bar_for(
                self._limited_s(error, (target.id, number), now), "rate limited", (target.id, number), secret, now
            )
        elif isinstance(error, QuotaExhausted):
            place = (EVERYWHERE, number) if secret else (target.id, 0)
            rest_s = self._growing_s(place, now, FIRST_EXHAUSTED_S, LONGEST_EXHAUSTED_S)
            self._bar_for(rest_s, "quota exhausted", place, secret, now)
        elif isinstance(error, CredentialRejected) and secret is not None:
            place = (target.id, number) if isinstance(error, AccessDenied) else (EVERYWHERE, number)
            self._bar_for(inf, "credential rejected", place, secret, now)
        else:
            return False
        return True

    def accepted(self, target: Target, secret: Secret | None) -> None:
        """The credential was good for an answer: what it did before is forgiven."""
        if self._strikes:
            number = secret.id if secret else 0
            self._strikes.pop((target.id, number), None)
            self._strikes.pop((EVERYWHERE, number), None)

    def follow(self, place: Place, bar: Bar | None) -> None:
        """Bar as another worker did, or lift the bar as it did."""
        if bar is None:
            self.bars.pop(place, None)
        else:
            self.bars[place] = bar

    def forget(self, target: Target | None = None) -> None:
        """Forget one deployment's credentials, or all."""
        if target is None:
            self.bars.clear()
            self._strikes.clear()
            return
        for number in [secret.id for secret in target.secrets] or [0]:
            for place in ((target.id, number), (EVERYWHERE, number)):
                self.bars.pop(place, None)
                self._strikes.pop(place, None)

    def forget_ended(self, now: float) -> None:
        """Drop what has ended."""
        if self.bars:
            self.bars = {place: bar for place, bar in self.bars.items() if bar.until > now}
        if self._strikes:
            self._strikes = {place: each for place, each in self._strikes.items() if each.until > now}

    def _bar(self, target: Target, secret: Secret | None, now: float) -> Bar | None:
        """The bar of one credential at one deployment that lasts longest."""
        number = secret.id if secret else 0
        found: Bar | None = None
        for place in ((target.id, number), (EVERYWHERE, number)):
            bar = self.bars.get(place)
            longer = bar is not None and bar.until > now and (found is None or bar.until > found.until)
            if bar is not None and longer and bar.mark == mark_of(secret):
                found = bar
        return found

    def _bar_for(self, rest_s: float, kind: Kind, place: Place, secret: Secret | None, now: float) -> None:
        last_four = secret.last_four if secret else ""
        self.bars[place] = Bar(kind, now + rest_s, now, mark_of(secret), last_four)

    def _limited_s(self, error: RateLimited, place: Place, now: float) -> float:
        if error.retry_after_s is None:
            return self._growing_s(place, now, FIRST_UNASKED_REST_S, LONGEST_UNASKED_REST_S)
        return min(max(error.retry_after_s, SHORTEST_REST_S), LONGEST_ASKED_REST_S)

    def _growing_s(self, place: Place, now: float, first_s: float, longest_s: float) -> float:
        """A rest that doubles with each refusal in a row; those that come in while it lasts were sent before it."""
        before, bar = self._strikes.get(place), self.bars.get(place)
        if bar is not None and bar.until > now:
            return bar.until - now
        number = before.number if before and before.until > now else 0
        rest_s = min(first_s * 2**number, longest_s)
        self._strikes[place] = Strikes(min(number + 1, MOST_STRIKES), now + rest_s * (1 + STRIKES_KEPT_S))
        return rest_s


def mark_of(secret: Secret | None) -> str:
    """Tells values of a credential apart without showing them; computed only where something is barred."""
    return blake2b(secret.value.encode(), digest_size=8).hexdigest() if secret else ""
