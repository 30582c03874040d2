#!/usr/bin/env python3
"""The command line of an installation."""

import os
import sys

from neuroroute.commandline import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")
    run(sys.argv)
