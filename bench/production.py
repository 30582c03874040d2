"""An installation as in production: supervisor, web workers, shipper and jobs, on services of the benchmark's own."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.run.installation import Installation  # noqa: E402


class Production(Installation):
    """`settings` are its environment; `key` is the client key of the first tenant that was applied."""

    settings: dict[str, str]
    key = ""

    def manage(self, *arguments: str) -> str:
        done = self.run("manage.py", *arguments, **self.settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self, configuration: dict[str, Any]) -> None:
        file, keys = self.var / "config.yaml", self.var / "keys.env"
        file.write_text(yaml.safe_dump(configuration))
        self.manage("apply", str(file), "--keys-to", str(keys))
        if keys.exists():
            self.key = keys.read_text().split()[0].partition("=")[2]


@contextmanager
def production(configuration: dict[str, Any], **settings: str) -> Iterator[Production]:
    """Started, configured, and ended."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        made = Production(ROOT, Path(name) / "var")
        made.var.mkdir()
        made.settings = {"SANDBOX": "off", **settings}
        try:
            made.start(**made.settings)
            made.apply(configuration)
            time.sleep(2)  # every worker knows it within a second
            yield made
        finally:
            made.kill()
