"""`python -m andon_worker.lane TALK ORDERS PROGRESS PARENT MODULE...`: a lane that is started anew, not forked.

For modules that can't be forked, and where the system can't fork safely.
"""

from __future__ import annotations

import sys

from andon.engine.declared.functions import collect
from andon_worker.lane.serve import Ends, live


def main(arguments: list[str]) -> None:
    """Import the modules and serve runs."""
    talk, orders, progress, parent, *modules = arguments
    sys.argv[1:] = []
    live(Ends(int(talk), int(orders), int(progress)), collect(modules), int(parent))


if __name__ == "__main__":
    main(sys.argv[1:])
