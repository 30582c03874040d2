"""The sandbox as a process: how it starts, what it needs, and how it ends."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from providers.sandbox.testing import ROOT, Sandbox

RUN = [sys.executable, "-m", "providers.sandbox"]
LARGEST_MIB = 40


def start(*options: str) -> subprocess.Popen:
    return subprocess.Popen([*RUN, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def process():
    with start("--wire", "openai", "--port", "0") as process:
        yield process
        process.kill()


def test_says_where_it_listens_in_the_first_line(process):
    host, port = re.fullmatch(r"listening on http://(\S+):(\d+)\n", process.stdout.readline()).groups()
    socket.create_connection((host, int(port))).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_at_once_and_in_silence(process, number):
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(timeout=5) == -number
    assert process.stderr.read() == ""


def test_ends_with_its_parent():
    script = (
        "import os, subprocess, sys;"
        f"command = {RUN!r} + ['--wire', 'ollama', '--parent', str(os.getpid())];"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE);"
        "child.stdout.readline(); print(child.pid, flush=True); os._exit(0)"
    )
    parent = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    try:
        sandbox = os.pidfd_open(int(parent.stdout))
    except ProcessLookupError:
        return  # it has already ended
    ended, _, _ = select.select([sandbox], [], [], 20)
    if not ended:
        signal.pidfd_send_signal(sandbox, signal.SIGKILL)
    os.close(sandbox)
    assert ended, "the sandbox outlived its parent"


def test_says_in_one_line_that_a_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ("--wire", "openai", "--port", str(taken.getsockname()[1]))
        ended = subprocess.run([*RUN, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    error = ended.stderr
    assert ended.returncode == 1
    assert error.startswith("sandbox: cannot listen on 127.0.0.1:") and error.count("\n") == 1


def test_needs_neither_django_nor_much_memory():
    with Sandbox.start("anthropic", process=True) as sandbox:
        sandbox.calls()
        status = Path(f"/proc/{sandbox.pid}/status").read_text()
    assert int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) < LARGEST_MIB * 1024
    code = "import providers.sandbox.__main__, sys; print('django' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert loaded.stdout == "False\n"
