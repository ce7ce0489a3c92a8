"""Lets `python -m daemon` do what the console script `pollhook` does."""

import sys

from daemon.cli import main

if __name__ == "__main__":
    sys.exit(main())
