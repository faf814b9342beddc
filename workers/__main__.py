"""`python -m workers [QUEUE…]`: the same as `holdfast worker`."""

import sys

from workers.composition import CONTROL
from workers.main import run

if __name__ == "__main__":
    run(sys.argv[1:] or [CONTROL, "aws"])
