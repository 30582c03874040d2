"""How does the owner of a new installation come in without a password? By a link that works once, and sets one.

It is Django's own link for a forgotten password: signed, bound to the account's last sign-in, good for three days, and
used up once somebody has signed in.
"""

from typing import Any, Final

from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.urls import reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

ROUTE: Final = "sign-in/<uidb64>/<token>/"


class SignInLink(PasswordResetConfirmView):
    """Choose a password, and be signed in."""

    template_name = "sign_in_link.html"
    post_reset_login = True
    success_url = reverse_lazy("dashboard:start")


def link_for(user: Any, url: str) -> str:
    """The link for an account of the installation at `url`."""
    account = urlsafe_base64_encode(force_bytes(user.pk))
    path = ROUTE.replace("<uidb64>", account).replace("<token>", default_token_generator.make_token(user))
    return f"{url.rstrip('/')}/{path}"
