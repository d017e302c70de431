"""Run the command line with `python -m mien`."""

import sys

from mien.cli import main

sys.exit(main())
