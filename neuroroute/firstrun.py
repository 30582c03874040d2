"""What does a new installation need before a person can use it? An administrator, a tenant and a client key."""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction

from neuroroute.serve.missing_secrets import write_private
from tenants.keys import issue
from tenants.models import Tenant
from tenants.signinlink import link_for

ADMIN: Final = "admin"
TENANT: Final = "default"
KEY: Final = "first-run"
NAMES: Final = ("NEUROROUTE_URL", "NEUROROUTE_API_KEY", "NEUROROUTE_ADMIN_USER", "NEUROROUTE_ADMIN_PASSWORD")
HEADING: Final = "# How to reach this NeuroRoute, written on its first start. Keep it private.\n"


@dataclass(frozen=True)
class Access:
    """How to get in. An empty text: made earlier, and not known here any more."""

    url: str
    api_key: str = ""
    user: str = ""
    password: str = ""
    fresh: bool = False
    link: str = ""  # signs the administrator in once, and sets a password; empty once somebody has signed in

    def __repr__(self) -> str:
        return f"Access({self.url!r}, {self.user!r})"


def prepare_access(url: str, file: Path) -> Access:
    """Make administrator, tenant and client key where nobody can get in yet; keep `file` true, also about the URL."""
    with transaction.atomic():
        users = get_user_model().objects.filter(is_superuser=True)
        access = _read(url, file) if users.exists() else _make(url)
        user = users.filter(username=access.user).first()
        if access.password and user is not None and user.last_login and not user.check_password(access.password):
            access = replace(access, password="")  # somebody has chosen another
        write_private(file, _lines(access))  # before the commit: a key that nobody was told would be lost
    newcomer = user is not None and user.last_login is None
    return replace(access, link=link_for(user, url)) if newcomer else access


def _make(url: str) -> Access:
    users = get_user_model().objects
    taken = users.filter(username=ADMIN).exists()
    user, password = _another(ADMIN) if taken else ADMIN, secrets.token_urlsafe(12)
    users.create_superuser(user, password=password)
    tenant, _ = Tenant.objects.get_or_create(name=TENANT)
    _, key = issue(tenant, _another(KEY) if tenant.keys.filter(name=KEY).exists() else KEY)
    return Access(url, key, user, password, fresh=True)


def _another(name: str) -> str:
    return f"{name}-{secrets.token_hex(3)}"


def _read(url: str, file: Path) -> Access:
    """What was written earlier; the database cannot tell it again."""
    text = file.read_text() if file.exists() else ""
    known = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    key, user, password = (known.get(name, "") for name in NAMES[1:])
    return Access(url, key, user, password)


def _lines(access: Access) -> str:
    values = (access.url, access.api_key, access.user, access.password)
    return HEADING + "".join(f"{name}={value}\n" for name, value in zip(NAMES, values, strict=True) if value)
