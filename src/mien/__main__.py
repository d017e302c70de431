"""This module turns `python -m mien` into the command `mien`."""

import sys

from mien.cli import main

sys.exit(main())
