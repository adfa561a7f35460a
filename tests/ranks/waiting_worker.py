"""Stands in for the worker: reports where it runs and waits, without any framework."""

from __future__ import annotations

import sys

from tests.ranks.programs import main

if __name__ == "__main__":
    main("wait", sys.argv[1])
