"""A phone that computes codes, and browsers that sign in with them."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

SIGN_IN, CODE, PAGE = "/admin/login/", "/admin/login/code/", "/admin/second-factor/"
PASSWORD = "correct horse"
SECRET = re.compile(r'aria-label="Secret" value="([A-Z2-7 ]+)"')
RECOVERY = re.compile(r"\b\d{4}-\d{4}-\d{4}\b")


@dataclass
class Phone:
    """What a person holds: the secret, as typed from the page, and the recovery codes."""

    secret: str
    recovery: list[str] = field(default_factory=list)

    def code(self) -> str:
        """The code of now; taken again, though codes work once, so that no test waits for half a minute."""
        TOTPDevice.objects.update(last_t=-1, drift=0)
        return f"{totp(base64.b32decode(self.secret)):06d}"


def signed_in(name: str = "ana", **client: Any) -> Client:
    browser = Client(**client)
    answer = browser.post(SIGN_IN, {"username": name, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return browser


def turn_on(browser: Client) -> Phone:
    """Set a second factor up as the page says, in a browser that is signed in or led here."""
    phone = Phone(SECRET.findall(browser.get(PAGE).content.decode())[0].replace(" ", ""))
    shown = browser.post(PAGE, {"code": phone.code()})
    phone.recovery = RECOVERY.findall(shown.content.decode())
    assert shown.status_code == 200 and len(phone.recovery) == 10, shown.content
    return phone


def give_code(browser: Client, code: str) -> HttpResponse:
    return browser.post(CODE, {"code": code})
