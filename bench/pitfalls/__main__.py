"""`python -m bench.pitfalls`: the way in."""

from __future__ import annotations

import sys

from bench.pitfalls.command import main

if __name__ == "__main__":
    sys.exit(main())
