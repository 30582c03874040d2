"""How a setting is read from the environment, and what is said when its value is no good."""

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from msgspec import Struct

EMBEDDED_SCHEMES = ("sqlite",)
DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")
PLACEHOLDERS = (
    "change-me",
    "changeme",
    "change_me",
    "placeholder",
    "insecure",
    "example",
    "your-",
    "<",
    "xxxxxx",  # one in 500 random texts of 64 characters has three of them, in either case
    "secret-key",
)
SHORTEST_SECRET = 32
LONGEST_SOCKET = 107  # sun_path of unix(7), without its end
GOOD_SOCKET = "/run/neuroroute/web.sock"


class SettingError(ImproperlyConfigured):
    """A setting cannot be used; the message is one line that names it and a good value."""

    def __init__(self, name: str, trouble: str, good: str) -> None:
        super().__init__(f"{name}: {trouble} A good value: {name}={good}")


class Setting(Struct, frozen=True):
    """A setting that was read. `source` is `default`, `environment` or the name of the file that says so."""

    name: str
    value: str
    source: str


class Environment:
    """Reads typed settings, and remembers every one that was asked for."""

    def __init__(self) -> None:
        self._in_force: dict[str, str] = {}
        self._files: dict[str, dict[str, str]] = {}

    @property
    def names(self) -> set[str]:
        """Every name that was asked for."""
        return set(self._in_force)

    def in_force(self) -> list[Setting]:
        """What was asked for and what it is, by name. Holds secrets: mask them before anybody sees them."""
        return [Setting(name, value, self.source(name)) for name, value in sorted(self._in_force.items())]

    def source(self, name: str) -> str:
        """Where a setting comes from. A process inherits what its parent read from a file, so the file is named as long
        as it says the same."""
        held = _held(name)
        said = (file for file, lines in self._files.items() if lines.get(name, "").strip() == held)
        return next(said, "environment") if held else "default"

    def read_file(self, path: Path) -> None:
        """Add the lines of a `.env` file; what the environment holds already wins."""
        if path.is_file():
            environ.Env.read_env(path)
            alone: Any = type("FileAlone", (environ.Env,), {"ENVIRON": {}})
            alone.read_env(path)
            self._files[path.name] = alone.ENVIRON

    def text(self, name: str, default: str = "") -> str:
        """The value as it stands, without white space around it; an empty one counts as absent."""
        value = self._in_force[name] = _held(name) or default
        return value

    def texts(self, name: str, default: Iterable[str] = ()) -> list[str]:
        """A list separated by commas."""
        found = [part.strip() for part in self.text(name).split(",") if part.strip()] or list(default)
        self._in_force[name] = ",".join(found)
        return found

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.text(name, str(default))
        if not re.fullmatch(r"-?[0-9]{1,18}", value) or not low <= int(value) <= high:
            raise SettingError(name, f"{value!r} is not a whole number from {low} to {high}.", str(default))
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        """On or off, in the usual spellings."""
        value = self.text(name, "on" if default else "off").lower()
        if value not in {"on", "true", "yes", "1", "off", "false", "no", "0"}:
            raise SettingError(name, f"{value!r} is neither on nor off.", "on")
        return value in {"on", "true", "yes", "1"}

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name, default).lower()
        if value not in choices:
            raise SettingError(name, f"{value!r} is not one of {', '.join(choices)}.", default)
        return value

    def url(self, name: str, default: str, schemes: tuple[str, ...], good: str) -> str:
        """A URL with one of the schemes, a host and a port that can be; empty stays empty."""
        value = self.text(name, default)
        if value and not _is_url(value, schemes):
            shown = value if "@" not in value else f"{value.partition('://')[0]}://…@{value.rpartition('@')[2]}"
            raise SettingError(
                name, f"{shown!r} is not a URL that starts with {' or '.join(f'{s}://' for s in schemes)}.", good
            )
        return value

    def socket(self, name: str) -> str:
        """The whole path of a Unix socket; empty stays empty."""
        value, length = self.text(name), len(_held(name).encode())
        if value and not value.startswith("/"):
            raise SettingError(name, f"{value!r} is not a whole path.", GOOD_SOCKET)
        if length > LONGEST_SOCKET:
            raise SettingError(name, f"its path has {length} bytes, and the most is {LONGEST_SOCKET}.", GOOD_SOCKET)
        return value

    def email(self, name: str, default: str) -> str:
        """An e-mail address, with a name before it where one likes: `Alerts <alerts@example.com>`."""
        value = self.text(name, default)
        if not re.fullmatch(r"[^\r\n<>@]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+", value):
            raise SettingError(name, f"{value!r} is not an e-mail address.", "alerts@example.com")
        return value


def usual_smtp_port(url: str) -> int:
    """Of a mail server whose URL gives none."""
    return {"smtp+tls": 587, "smtp+ssl": 465}.get(url.partition(":")[0], 25)


def _held(name: str) -> str:
    return str(environ.Env.ENVIRON.get(name, "")).strip()


def is_placeholder(secret: str) -> bool:
    """Whether a secret is an example's text or too short to be one."""
    return len(secret) < SHORTEST_SECRET or len(set(secret)) < 8 or any(mark in secret.lower() for mark in PLACEHOLDERS)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def local_url(host: str, port: int) -> str:
    """Where this machine reaches what listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        has_place = bool(parts.hostname) or (parts.scheme in EMBEDDED_SCHEMES and bool(parts.path.strip("/")))
        return parts.scheme in schemes and has_place and parts.port != 0 and not any(c.isspace() for c in value)
    except ValueError:  # a port that is no number, a bracket that does not close
        return False
