"""Which halves of the suite can run here: embedded always, services and browser where they are found?"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
import redis
from kombu import Connection
from psycopg import sql

# The standard local addresses; the variables move them.
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


@dataclass(frozen=True)
class Services:
    """What the services half runs on."""

    database_url: str
    redis_url: str
    redis_prefix: str
    broker_url: str

    def environment(self) -> dict[str, str]:
        """The variables that put NeuroRoute on these services."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REDIS_PREFIX": self.redis_prefix,
            "CELERY_BROKER_URL": self.broker_url,
        }


@contextmanager
def open_services() -> Iterator[Services | str]:
    """Make what this run needs on the services and drop it afterwards; yields the reason where one is missing."""
    if missing := services_missing():
        yield missing
        return
    name = f"neuroroute_test_{uuid.uuid4().hex[:12]}"
    with _database(name) as database_url, _keys(name), _virtual_host(name) as broker_url:
        yield Services(database_url, REDIS, name, broker_url)


@cache
def services_missing() -> str:
    """Why the services half cannot run; empty when it can."""
    problems = [problem for problem in (_no_postgres(), _no_redis(), _no_rabbitmq()) if problem]
    return "; ".join(problems)


@cache
def browser_path() -> Path | None:
    """Chromium, by the variable CHROMIUM or on the path."""
    names = (os.environ.get("CHROMIUM", ""), "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next((Path(path) for name in names if name and (path := shutil.which(name))), None)


def _no_browser() -> str:
    return "" if browser_path() else "no Chromium found (set CHROMIUM to its path)"


def _nothing() -> str:
    return ""


# Each half, and what says why it cannot run here (empty: it can).
HALVES = {"embedded": _nothing, "services": services_missing, "browser": _no_browser}


def _no_postgres() -> str:
    try:
        psycopg.connect(POSTGRES, connect_timeout=2).close()
    except psycopg.Error as exc:
        return f"PostgreSQL at {_place(POSTGRES)}: {_first_line(exc)}"
    return ""


def _no_redis() -> str:
    try:
        with closing(redis.Redis.from_url(REDIS, socket_connect_timeout=2)) as client:
            client.ping()
    except redis.RedisError as exc:
        return f"Redis at {_place(REDIS)}: {_first_line(exc)}"
    return ""


def _no_rabbitmq() -> str:
    try:
        with Connection(RABBITMQ, connect_timeout=2) as connection:
            connection.connect()
    except OSError as exc:
        return f"RabbitMQ at {_place(RABBITMQ)}: {_first_line(exc)}"
    return ""


@contextmanager
def _database(name: str) -> Iterator[str]:
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield POSTGRES.rpartition("/")[0] + f"/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _keys(prefix: str) -> Iterator[None]:
    with closing(redis.Redis.from_url(REDIS)) as client:
        yield
        for key in client.scan_iter(f"*{prefix}*"):
            client.delete(key)


@contextmanager
def _virtual_host(name: str) -> Iterator[str]:
    """A virtual host of its own where `rabbitmqctl` may make one, else the default one."""
    if not _rabbitmqctl("add_vhost", name):
        yield RABBITMQ
        return
    try:
        _rabbitmqctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        yield RABBITMQ.rpartition("//")[0] + f"/{name}"
    finally:
        _rabbitmqctl("delete_vhost", name)


def _rabbitmqctl(*arguments: str) -> bool:
    with suppress(OSError):
        return subprocess.run(["rabbitmqctl", "-q", *arguments], capture_output=True).returncode == 0
    return False


def _place(url: str) -> str:
    return url.rpartition("@")[2].partition("://")[2] or url.rpartition("@")[2]


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
