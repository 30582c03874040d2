"""`python -m neuroroute.serve`: what `make run` and `manage.py serve` do. A bad setting is one line and exit code 2."""

import sys

from neuroroute.environment import SettingError
from neuroroute.serve.console import complain

try:  # the first settings are read while this is imported
    from neuroroute.serve.start import serve

    sys.exit(serve(sys.argv[1:]))
except SettingError as exc:
    complain(str(exc))
    sys.exit(2)
