"""Can this configuration work? Each trouble is a `SettingError`: one line that names the setting and a good value."""

import errno
import os
import socket
from contextlib import closing, suppress
from typing import Final
from urllib.parse import urlsplit

import psycopg
import redis
from django.conf import settings
from django.db import OperationalError, connection

from neuroroute.environment import GOOD_SOCKET, SettingError, is_placeholder
from neuroroute.serve.listening import listen_at
from providers.vendors import leads

CONNECT_S: Final = 5
GOOD_POSTGRES: Final = "postgres://user:password@127.0.0.1:5432/neuroroute"
RANDOM: Final = "$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"


def check_settings() -> list[str]:
    """Raise for what cannot work; return warnings about what works in the demo alone."""
    warnings = _check_secrets()
    _check_upstreams()
    _check_database()
    _check_redis()
    return warnings


def check_port_free() -> None:
    """Raise when HOST or PROXY_SOCKET cannot be listened on, or PORT is taken."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.HOST, settings.PORT, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as exc:
        raise SettingError("HOST", f"{settings.HOST!r} is no address of this machine ({exc}).", "127.0.0.1") from exc
    try:
        _bind(family, kind, address)
    except OSError as exc:
        raise _why_not(exc) from exc
    if settings.PROXY_SOCKET:
        _check_socket(settings.PROXY_SOCKET)


def _check_socket(path: str) -> None:
    try:
        listen_at(path).close()
    except OSError as exc:
        taken = exc.errno == errno.EADDRINUSE
        trouble = "another program listens there, or left a file of that name" if taken else exc.strerror
        raise SettingError("PROXY_SOCKET", f"{path} cannot be listened on: {trouble}.", GOOD_SOCKET) from exc
    os.unlink(path)


def _bind(family: int, kind: int, address: tuple[object, ...]) -> None:
    with closing(socket.socket(family, kind)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen()


def _why_not(exc: OSError) -> SettingError:
    if isinstance(exc, PermissionError):
        return SettingError("PORT", f"{settings.PORT} needs rights that this user does not have.", "8000")
    if exc.errno == errno.EADDRNOTAVAIL:
        return SettingError("HOST", f"{settings.HOST} is no address of this machine.", "127.0.0.1")
    return SettingError(
        "PORT", f"{settings.PORT} on {settings.HOST} is taken by another program.", str(_free_port(settings.PORT))
    )


def _free_port(taken: int) -> int:
    """A port near the one that was asked for."""
    for port in range(taken + 1, min(taken + 100, 65536)):
        with suppress(OSError):
            _bind(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))
            return port
    return 8000


def _check_secrets() -> list[str]:
    secrets = {
        "SECRET_KEY": settings.SECRET_KEY,
        "SECRETS_KEYS": settings.SECRETS_KEYS[0],
        "CLIENT_KEY_PEPPER": settings.CLIENT_KEY_PEPPER,
    }
    weak = [name for name, value in secrets.items() if is_placeholder(value)]
    if weak and not settings.DEMO:
        raise SettingError(
            weak[0], "it is missing, too short, or an example's text, and others can reach this.", RANDOM
        )
    return [f"{name} is an example's text or short: good enough for the demo on this machine only" for name in weak]


def _check_upstreams() -> None:
    try:
        leads(os.environ)
    except ValueError as exc:
        name = str(exc).partition(":")[0]
        raise SettingError(
            name, str(exc).partition(":")[2].strip().rstrip(".") + ".", "http://127.0.0.1:11434"
        ) from exc


def _check_database() -> None:
    try:
        (connection.ensure_connection if settings.EMBEDDED else _connect_to_postgres)()
    except (OperationalError, psycopg.OperationalError) as exc:
        place = settings.DATABASE["NAME"] if settings.EMBEDDED else _place(settings.DATABASE_URL)
        good = "sqlite:///var/neuroroute.sqlite3" if settings.EMBEDDED else GOOD_POSTGRES
        raise SettingError(
            "DATABASE_URL", f"the database at {place} does not answer ({_first_line(exc)}).", good
        ) from exc


def _connect_to_postgres() -> None:
    """Once and without the pool, which would try for ten seconds and log each failure."""
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    given = {ours: settings.DATABASE[django] for django, ours in names.items() if settings.DATABASE[django]}
    psycopg.connect(**given, connect_timeout=CONNECT_S).close()


def _check_redis() -> None:
    if not settings.REDIS_URL:
        return
    try:
        with closing(redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=CONNECT_S)) as client:
            client.ping()
    except redis.RedisError as exc:
        trouble = f"Redis at {_place(settings.REDIS_URL)} does not answer ({_first_line(exc)})."
        raise SettingError("REDIS_URL", trouble, "redis://127.0.0.1:6379/0") from exc


def _place(url: str) -> str:
    """Host and port of a URL, without the password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname or parts.path)


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
