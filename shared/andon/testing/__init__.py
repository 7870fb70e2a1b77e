"""Test a function without stores: everything that a run needs from outside, in memory.

    ended = run_function(generate_hybrid_report, Event("report/generation.requested", {"reportId": "r1"}))
    assert ended.status == "completed"

`run_function` follows the run to its end as a worker would: each suspension (a sleep, the back-off before another
try) is a replay from the memos, on a clock that is advanced instead of waited for. Then its `on_cancel` or `on_failure`
is run (`Ended.cleanup`), and it is told what its subject and the row that follows it became. To see a function being
cancelled, keep the `ManualCancelCheck` that it is given and call `cancel()`: from inside a step, or before.

Events that come while it waits or sleeps are given with their seconds, and functions that it invokes as they are:

    ended = run_function(approval, event, events=[(3600, Event("approval/granted", {"id": 7}))], functions=[notify])

One that matches a cancel rule of the function cancels the run. `Ended.children` tells what became of each child.

`MemoryJournal` and `ManualCancelCheck` are fakes held to the same contract tests as the real adapters.
"""

from andon.simulation import Passed as Passed
from andon.testing.asking import flow, started_by, starts, tags_of, tick_of, ticks_of
from andon.testing.memory import START as START
from andon.testing.memory import MemoryFiles, MemoryJournal, rerun_from
from andon.testing.running import CLEANUP_ID as CLEANUP_ID
from andon.testing.running import RUN_ID as RUN_ID
from andon.testing.running import Ended, Surroundings, run_function
from andon.testing.stopping import ManualCancelCheck

__all__ = [
    "Ended",
    "ManualCancelCheck",
    "MemoryFiles",
    "MemoryJournal",
    "Surroundings",
    "flow",
    "rerun_from",
    "run_function",
    "started_by",
    "starts",
    "tags_of",
    "tick_of",
    "ticks_of",
]
