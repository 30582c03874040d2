"""Does OpenAI's client for Node work? Chat, stream, tools, the Responses API, embeddings, errors."""

import json
import subprocess
import sys
from pathlib import Path

from tests.clients.support.installing import npm
from tests.clients.support.shape import Case, Run, place

VERSION = "6.49.0"
CODE = Path(__file__).with_suffix(".mjs")


def main() -> None:
    where = place()
    folder = npm("openai-node", f"openai@{VERSION}")
    copy = folder / CODE.name  # node looks for modules beside the script
    copy.write_text(CODE.read_text())
    asked = json.dumps({"url": where.url, "key": where.key, "sandbox": where.sandbox, "model": where.model})
    done = subprocess.run(["node", str(copy), asked], stdout=subprocess.PIPE, text=True, timeout=120)
    sys.stderr.write(done.stdout)
    run = Run("openai-node", VERSION)
    run.cases = [Case(**case) for case in json.loads(done.stdout.strip().splitlines()[-1])]
    run.end()


if __name__ == "__main__":
    main()
