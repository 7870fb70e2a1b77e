"""Who is let in when doors are looked at: decided of what is known of lines and free slots, and nothing else."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from andon.engine.declared.gates import UNLIMITED


@dataclass(frozen=True)
class Candidate:
    """A run that stands at a door."""

    run_id: uuid.UUID
    keys: tuple[uuid.UUID, ...]
    doomed: bool = False
    """Whether a wide cancel is about to take it away."""


@dataclass
class Decision:
    """What becomes of the candidates. At the doors in `again` it isn't known yet who else could go."""

    admitted: list[tuple[Candidate, uuid.UUID]] = field(default_factory=list)
    moved: list[tuple[Candidate, uuid.UUID, uuid.UUID]] = field(default_factory=list)
    """Each with the door at which it stands, and the one that it goes to."""
    again: set[uuid.UUID] = field(default_factory=set)


def decide(
    lines: Mapping[uuid.UUID, Sequence[Candidate]],
    free: Mapping[uuid.UUID, int],
    *,
    wide: Callable[[uuid.UUID], bool],
    whole: Callable[[uuid.UUID], bool],
) -> Decision:
    """Let in as many as are free under all their keys, each line in its order and the lines in theirs.

    A run whose other key is full goes to that key's door. Where it is a wide key, which the runs behind it have too,
    it goes in the place of one that was let in: as many wait there as could go, and a long line is not moved about.
    `whole` tells whether a line has no more candidates than those given.
    """
    decision, left = Decision(), dict(free)
    for door, line in lines.items():
        room = left.get(door, UNLIMITED)
        stopped = False
        for candidate in line:
            if room <= 0 or left.get(door, 1) <= 0:
                stopped = True
                break
            if candidate.doomed:
                decision.again.add(door)
                continue
            full = next((key for key in candidate.keys if key != door and left.get(key, 1) <= 0), None)
            if full is None:
                decision.admitted.append((candidate, door))
                for key in candidate.keys:
                    if key in left:
                        left[key] -= 1
                room -= 1
            else:
                decision.moved.append((candidate, door, full))
                room -= wide(full)
        if not stopped and room > 0 and not whole(door):
            decision.again.add(door)
    return decision
