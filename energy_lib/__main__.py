"""`python -m energy_lib`: the book's answers in a terminal."""

import sys

from energy_lib.cli import main

if __name__ == "__main__":
    sys.exit(main())
