"""Who may come in: the bearer of an operator's key, or a staff session with the rights that the admin asks for."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication

from providers.audit import Actor
from routing.api.database import pairs_of
from tenants.authority import Authority, authority_of, authority_of_key
from tenants.errors import Forbidden, Unauthenticated
from tenants.keyring import REFUSAL, token_of
from tenants.keys import digest, is_plausible
from tenants.models import ClientKey
from tenants.sight import Sight, sight_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts. A key may do everything that this API offers, and sees every tenant; a person what its rights say."""

    key: ClientKey | None
    user: Any
    sight: Sight
    address: str | None

    @property
    def actor(self) -> Actor:
        """As the audit log names it."""
        name = f"key {self.key}" if self.key else self.user.get_username()
        return Actor(name[:150], "api", self.address)

    @property
    def authority(self) -> Authority:
        """Over whom it may act, and which rights it may give."""
        return authority_of_key() if self.key is not None else authority_of(self.user)

    @property
    def id(self) -> str:
        """What an Idempotency-Key belongs to."""
        return f"key {self.key.pk}" if self.key else f"user {self.user.pk}"

    def may(self, *rights: str) -> bool:
        """Whether every one of the rights, such as `providers.change_provider`, is held."""
        return self.key is not None or self.user.has_perms(rights)

    def require(self, *rights: str) -> None:
        """Raise `Forbidden` that names the first right that is missing."""
        for right in rights:
            if not self.may(right):
                raise Forbidden(f"this account lacks the right {right}; an owner can give it in admin")

    def require_operator_key(self) -> None:
        """Raise `Forbidden` for who would come to more rights by a key of this API."""
        if why := self.authority.why_no_operator_key():
            raise Forbidden(f"{why}; an owner makes and rotates such keys")

    def require_every_tenant(self, what: str) -> None:
        """Raise `Forbidden` for who sees some tenants only."""
        if self.sight is not None:
            raise Forbidden(f"{what} is for those who see every tenant")


def operator_of(request: HttpRequest) -> Operator:
    """Who calls; raises `Unauthenticated`, `Forbidden`.

    Read from the database, not from the worker's memory: a key that has just been revoked must not undo it.
    """
    address = request.META.get("REMOTE_ADDR") or None
    token = token_of(pairs_of(request))
    if token is not None:
        return Operator(_key_of(token), None, None, address)
    user = request.user
    if not user.is_authenticated:
        raise Unauthenticated(REFUSAL)
    if not user.is_staff:
        raise Forbidden("only staff accounts may use the operator API; an owner can make this account one in admin")
    if request.method not in SAFE:
        # Django's own request: DRF's would want to read the body as a form, which JSON is not.
        SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type]
    return Operator(None, user, sight_of(user), address)


def _key_of(token: str) -> ClientKey:
    if not is_plausible(token):
        raise Unauthenticated(REFUSAL)
    rows = ClientKey.objects.filter(digest=digest(token), revoked_at=None, tenant__enabled=True)
    key = rows.exclude(expires_at__lte=timezone.now()).select_related("tenant").first()
    if key is None:
        raise Unauthenticated(REFUSAL)
    if not key.operator:
        raise Forbidden("this client key may not use the operator API; that takes one made with `operator`")
    return key
