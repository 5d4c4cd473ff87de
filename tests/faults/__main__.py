"""`python -m tests.faults [--full] [ARGUMENT...]`: inject faults and print how many were survived.

Other arguments are pytest's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.faults.tally import FULL_VARIABLE


def main(arguments: list[str]) -> int:
    """Run the tests of faults; pytest's exit code."""
    if "--full" in arguments:
        arguments.remove("--full")
        os.environ[FULL_VARIABLE] = "full"
    return int(pytest.main([str(Path(__file__).parent), "-q", *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
