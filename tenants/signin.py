"""Who may sign in to the pages for people: the password, then, for who has a second factor, its code.

A session that has shown the password alone is nobody's: it holds who wants to come in, for some minutes, and no more.
"""

import time
from typing import Any, Final

from django import forms
from django.contrib.auth import get_user_model, login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django_otp import login as remember_factor
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.models import Authenticator
from tenants.secondfactor import factor_of, required_of
from tenants.throttle import count_failure, refuse_when_full

HELD: Final = "signing_in"  # in the session: who has shown the password, and where they wanted to go
HELD_S: Final = 600


class SignInForm(AuthenticationForm):
    """Failures count per address and account, and per address; a success costs nothing."""

    def clean(self) -> dict[str, Any]:
        account = self.request.POST.get("username", "")
        refuse_when_full(self.request, account)
        try:
            return super().clean()
        except ValidationError:
            count_failure(self.request, account)
            raise


class CodeInput(UnfoldAdminTextInputWidget):
    """A text field that never shows again what was typed: a refused code may be a recovery code with one slip."""

    def format_value(self, value: Any) -> None:
        return None


class CodeForm(forms.Form):
    """One field for whatever code: typed, pasted, or filled in by a password manager."""

    code = forms.CharField(
        label="Code",
        max_length=32,
        widget=CodeInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "spellcheck": "false"}
        ),
    )


def enter(request: HttpRequest, person: Any, following: str) -> HttpResponseRedirect:
    """After the right password: in, or on to what is still missing."""
    factor = factor_of(person)
    if factor is None and not required_of(person):
        login(request, person)
        return HttpResponseRedirect(following)
    request.session.flush()
    proof = person.get_session_auth_hash()  # a new password ends this, too
    request.session[HELD] = {"person": person.pk, "proof": proof, "at": time.time(), "next": following}
    return HttpResponseRedirect(reverse("sign-in-code" if factor else "second-factor"))


def held(request: HttpRequest) -> tuple[Any, str] | None:
    """Who has shown the password in this session and is not in yet, and where they wanted to go."""
    kept = request.session.get(HELD)
    if not kept or not 0 <= time.time() - kept["at"] < HELD_S:
        return None
    person = get_user_model().objects.filter(pk=kept["person"], is_active=True).first()
    if person is None or not constant_time_compare(person.get_session_auth_hash(), kept["proof"]):
        return None
    return person, kept["next"]


def come_in(request: HttpRequest, person: Any, factor: Authenticator) -> None:
    """Sign `person` in, who has shown a code of `factor`; or remember that, where they are in already."""
    request.session.pop(HELD, None)
    if request.user.is_authenticated:
        request.session.cycle_key()  # who has learnt the session from before does not get the stronger one
    else:
        login(request, person)
    remember_factor(request, factor)
