"""A worker in small: calls a step in isolation until it is killed. `python -m tests.unit.isolation.host STARTED`"""

from __future__ import annotations

import sys

from andon.engine.stops import StopSignal
from andon_worker.isolation import ProcessIsolation
from tests.unit.isolation import work

if __name__ == "__main__":
    stop = StopSignal(lambda: None)
    ProcessIsolation([]).call("x", work.report_and_block, (sys.argv[1],), {}, grace=0.2, timeout=None, stop=stop)
