"""The suite, and what failed of it once more, alone: `python -m tests.twice`, with pytest's arguments.

Most tests here are processes, sockets and a browser, several at a time: where a machine is busy, one of thousands runs
out of time. What fails alone, too, fails; what passes is named at the end, for whoever mends it (docs/adr/0015).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")  # pytest's own memory of it
MOST: Final = 8  # more is no matter of a busy machine
TESTS_FAILED: Final = 1  # pytest's exit code
WORKERS: Final = (os.cpu_count() or 1) * 3 // 2 or 1  # many tests wait


def main(arguments: list[str]) -> int:
    """The exit code, which is pytest's."""
    code = _pytest("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder", *arguments)
    failed = len(json.loads(FAILED.read_text())) if code == TESTS_FAILED and FAILED.exists() else 0
    if not 0 < failed <= MOST:
        return code
    print(f"\nFailed beside others: {failed}. Once more, alone:\n", flush=True)
    code = _pytest("-rpfEs", "--last-failed", *arguments)
    if code == 0:
        print("What failed beside others PASSED ALONE; it is named above, and somebody should mend it.", flush=True)
    return code


def _pytest(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", "pytest", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
