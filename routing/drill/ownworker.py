"""The web worker that a drill starts where none runs: `python -m routing.drill.ownworker FD`; it ends with the drill.

Its standard input is a pipe that the drill holds: whatever ends the drill, and be it SIGKILL, closes it.
"""

import subprocess
import sys
import threading

GRACE_S = "5"


def main() -> None:
    """Serve on the listening socket FD until standard input ends."""
    argv = [sys.executable, "-m", "neuroroute.web", "--fd", sys.argv[1], "--grace", GRACE_S]
    server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=[int(sys.argv[1])])
    threading.Thread(target=_end_with_the_drill, args=[server], daemon=True).start()
    sys.exit(server.wait())


def _end_with_the_drill(server: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    server.terminate()


if __name__ == "__main__":
    main()
