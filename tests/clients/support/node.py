"""How does a client in JavaScript run? A .mjs file beside its Python file, in a folder with its packages."""

import json
import subprocess
import sys
from pathlib import Path

from tests.clients.support.installing import npm
from tests.clients.support.shape import Case, Run, place


def run(code: Path, client: str, version: str, *packages: str) -> None:
    """Run it against the place that the command line names, print its results and leave."""
    where = place()
    folder = npm(client, *packages)
    copy = folder / code.name  # node looks for packages beside the script
    copy.write_text(code.read_text())
    asked = json.dumps({"url": where.url, "key": where.key, "sandbox": where.sandbox, "model": where.model})
    done = subprocess.run(["node", str(copy), asked], stdout=subprocess.PIPE, text=True, timeout=120)
    sys.stderr.write(done.stdout)
    found = Run(client, version)
    found.cases = [Case(**case) for case in json.loads(done.stdout.strip().splitlines()[-1])]
    found.end()
