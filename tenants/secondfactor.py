"""The second factor: codes that a phone computes anew every 30 seconds (TOTP, RFC 6238), and codes for its loss.

Neither is kept. The secret of a phone is derived from what is stored and from CLIENT_KEY_PEPPER, and of a recovery code
there is an HMAC under it, so that who reads the database or a backup of it can compute none.
"""

import base64
import secrets
from typing import Any, Final

import django_otp
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.util import random_hex

from providers import audit
from tenants.models import Authenticator
from tenants.throttle import count_failure, refuse_when_full

RECOVERY_CODES: Final = 10
RECOVERY_DIGITS: Final = 12
CODE_DIGITS: Final = 6
WRONG: Final = "This code is not right, or it was used already. Wait for the next one; does the phone's clock go right?"
THING: Final = "second factor"  # in audit rows


def required_of(person: Any) -> bool:
    """Whether the installation demands a second factor from this person."""
    return bool(settings.SECOND_FACTOR_REQUIRED and person.is_staff)


def with_second_factor(people: QuerySet[Any]) -> QuerySet[Any]:
    """`people` with the id of each one's second factor as `second_factor_id`, None without one; in the same query."""
    factors = Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True).order_by("-pk")
    return people.annotate(second_factor_id=Subquery(factors.values("pk")[:1]))


def factor_of(person: Any) -> Authenticator | None:
    """The person's second factor, None where it is off."""
    return Authenticator.objects.filter(user=person, confirmed=True).order_by("-pk").first()


def recovery_codes_left(person: Any) -> int:
    """How many of the person's recovery codes have not been used."""
    return StaticToken.objects.filter(device__user=person).aggregate(left=Count("pk"))["left"]


def proposed(person: Any, seed: str) -> Authenticator:
    """A second factor that is not turned on yet; `seed` is what will be stored (`new_seed`)."""
    return Authenticator(user=person, name="phone", key=seed, created_at=timezone.now())


def new_seed() -> str:
    """What a secret is derived from, 40 hex digits."""
    return random_hex(20)


def turn_on(person: Any, seed: str, code: str, actor: audit.Actor) -> list[str]:
    """Demand codes from now on; return the recovery codes. Raises `ValidationError` where `code` does not fit."""
    with transaction.atomic():
        factor = proposed(person, seed)
        factor.save()
        if not factor.verify_token(_digits(code)):
            transaction.set_rollback(True)
            raise ValidationError(WRONG, code="wrong")
        Authenticator.objects.filter(user=person).exclude(pk=factor.pk).delete()
        codes = _new_codes(person)
        audit.record(actor, "turned on", person, {THING: ["off", "on"]})
    return codes


def turn_off(person: Any, actor: audit.Actor, reason: str = "") -> bool:
    """Demand no codes from now on; whether they were demanded before."""
    with transaction.atomic():
        found, _ = Authenticator.objects.filter(user=person).delete()
        StaticDevice.objects.filter(user=person).delete()
        if found:
            audit.record(actor, "turned off", person, {THING: ["on", "off"]}, reason)
    return bool(found)


def renew_codes(person: Any, actor: audit.Actor) -> list[str]:
    """Ten new recovery codes; those from before are void."""
    with transaction.atomic():
        before = recovery_codes_left(person)
        codes = _new_codes(person)
        audit.record(actor, "made recovery codes", person, {"recovery codes left": [before, len(codes)]})
    return codes


def check_code(request: HttpRequest, person: Any, typed: str, actor: audit.Actor) -> Authenticator:
    """The person's second factor if `typed` is a code of it, or a recovery code, which then is used up.

    Raises `ValidationError` otherwise; wrong codes are counted with wrong passwords (`tenants.throttle`), and each one
    after another doubles the wait before the next is tried.
    """
    name = person.get_username()
    refuse_when_full(request, name)
    factor, code = factor_of(person), _digits(typed)
    recovering = len(code) == RECOVERY_DIGITS
    device = StaticDevice.objects.filter(user=person).first() if recovering else factor
    if factor is None or device is None:
        raise ValidationError(WRONG, code="wrong")
    _refuse_while_waiting(device)
    with transaction.atomic():
        passed = django_otp.verify_token(person, device.persistent_id, _digest(person, code) if recovering else code)
        if passed and recovering:
            left = recovery_codes_left(person)
            audit.record(actor, "used a recovery code", person, {"recovery codes left": [left + 1, left]})
    if not passed:
        count_failure(request, name)
        raise ValidationError(WRONG, code="wrong")
    return factor


def _refuse_while_waiting(device: Any) -> None:
    allowed, why = device.verify_is_allowed()
    if not allowed:
        wait_s = max(1, int((why["locked_until"] - timezone.now()).total_seconds()) + 1)
        wait = f"{wait_s} s" if wait_s < 120 else f"{-(-wait_s // 60)} min"
        raise ValidationError(f"Too many wrong codes one after another. Try again in {wait}.", code="throttled")


def _new_codes(person: Any) -> list[str]:
    StaticDevice.objects.filter(user=person).delete()
    device = StaticDevice.objects.create(user=person, name="recovery codes")
    codes = [f"{secrets.randbelow(10**RECOVERY_DIGITS):0{RECOVERY_DIGITS}d}" for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(person, code)) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, RECOVERY_DIGITS, 4)) for code in codes]


def _digits(typed: str) -> str:
    """A code as it was pasted: with spaces and dashes, or without."""
    return "".join(typed.replace("-", " ").split())


def _digest(person: Any, code: str) -> str:
    """16 characters, which is what the column holds: 80 bits."""
    mac = salted_hmac("recovery code", f"{person.pk} {code}", secret=settings.CLIENT_KEY_PEPPER, algorithm="sha256")
    return base64.b32encode(mac.digest())[:16].decode()
