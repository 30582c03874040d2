"""Several web workers of one installation, each on a port of its own, so that a benchmark can ask each of them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services import services

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.gateway.gateway import Gateway, manage  # noqa: E402


class Workers:
    """`urls` of the workers, `keys` as tenant/key, and the services that they share."""

    def __init__(self, var: Path, postgres: Any, redis: Any, count: int) -> None:
        self.var, self.postgres, self.redis = var, postgres, redis
        self.env = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "WEB_WORKERS": str(count)}
        self.gateways = [Gateway(var, self.env) for _ in range(count)]

    @property
    def urls(self) -> list[str]:
        return [gateway.url for gateway in self.gateways]

    @property
    def keys(self) -> dict[str, str]:
        return self.gateways[0].keys

    def set_up_django(self) -> None:
        """Let this process write the same database, as the admin would."""
        os.environ.update(self.env, VAR_DIR=str(self.var), ENV_FILE=str(self.var / "none.env"))
        os.environ["DJANGO_SETTINGS_MODULE"] = "neuroroute.settings"
        import django

        django.setup()


@contextmanager
def workers(configuration: dict[str, Any], count: int = 4) -> Iterator[Workers]:
    """Started, configured, and ended; PostgreSQL and Redis are the benchmark's own."""
    with services() as (postgres, redis), tempfile.TemporaryDirectory(prefix="bench-") as name:
        made = Workers(Path(name), postgres, redis, count)
        manage(made.var, "migrate", "-v0", env=made.env)
        made.gateways[0].apply(configuration)
        try:
            for gateway in made.gateways:
                gateway.start()
            yield made
        finally:
            for gateway in made.gateways:
                gateway.stop()
