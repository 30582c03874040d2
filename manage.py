#!/usr/bin/env python3
"""Django's command line. A bad setting is one line and exit code 2, not a traceback."""

import os
import sys

from django.core.management import execute_from_command_line

from neuroroute.environment import SettingError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")
    try:
        execute_from_command_line(sys.argv)
    except SettingError as exc:
        print(exc, file=sys.stderr)
        sys.exit(2)
