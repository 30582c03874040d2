"""How does the owner of a new installation come in without a password? By a link that works once, and sets one.

It is Django's own link for a forgotten password: signed, bound to the account's last sign-in, good for three days, and
used up once somebody has signed in.
"""

from typing import Any, Final

from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants.ownpasswords import password_told
from tenants.signin import enter

ROUTE: Final = "sign-in/<uidb64>/<token>/"


class SignInLink(PasswordResetConfirmView):
    """Choose a password, and be signed in, or led on to the second factor where one is demanded."""

    template_name = "sign_in_link.html"
    success_url = reverse_lazy("dashboard:start")

    def form_valid(self, form: Any) -> HttpResponseRedirect:
        with password_told(self.request, form.user, "chosen by the link to sign in"):
            super().form_valid(form)  # keeps the password
        return enter(self.request, form.user, str(self.success_url))


def link_for(user: Any, url: str) -> str:
    """The link for an account of the installation at `url`."""
    account = urlsafe_base64_encode(force_bytes(user.pk))
    path = ROUTE.replace("<uidb64>", account).replace("<token>", default_token_generator.make_token(user))
    return f"{url.rstrip('/')}/{path}"
