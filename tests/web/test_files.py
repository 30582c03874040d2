"""How many files may a web worker open? In a process of its own, because a limit outlasts its test."""

import subprocess
import sys

LIMITED = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
from neuroroute.web.__main__ import MOST_FILES, raise_file_limit
raise_file_limit()
soft, after = resource.getrlimit(resource.RLIMIT_NOFILE)
assert after == hard and soft > 100 and soft in (hard, MOST_FILES), (soft, after)
"""


def test_it_takes_all_that_it_may_have():
    ran = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
