"""The sets of a run's statuses, as statements ask for them: `status IN {HELD}`."""

from collections.abc import Collection

from andon.engine import states


def _listed(statuses: Collection[states.Status]) -> str:
    return "(" + ", ".join(f"'{each.value}'" for each in states.Status if each in statuses) + ")"


ALL = _listed(frozenset(states.Status))
OPEN = _listed(states.OPEN)
HELD = _listed(states.HELD)
UNHELD = _listed(states.UNHELD)
CANCELLABLE = _listed(states.CANCELLABLE)
CODE_RUNS = f"({{run}}.status IN {HELD} OR ({{run}}.forced AND {{run}}.lease_until > clock_timestamp()))"
"""Whether a run's code may be running: also after it was settled by force, as long as it has its lease."""
TERMINAL = _listed(states.TERMINAL)
