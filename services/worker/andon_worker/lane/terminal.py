"""A lane at the terminal (`ANDON_LANES=0`): what its code reads and prints is a person's, so that debuggers work."""

from __future__ import annotations

import os
from collections.abc import Mapping

TERMINAL = "ANDON_TERMINAL"


def take_terminal(env: Mapping[str, str]) -> bool:
    """Put the terminal that `ANDON_TERMINAL` names in the place of the three standard streams; whether there is one.

    A lane's session is that of its nursery, to which that terminal isn't the controlling one: so it may read from it,
    although another process is in the foreground there, and Ctrl-C goes to that one.
    """
    path = env.get(TERMINAL)
    if not path:
        return False
    try:
        opened = os.open(path, os.O_RDWR | os.O_NOCTTY)
    except OSError:  # it is closed by now
        return False
    for number in (0, 1, 2):
        os.dup2(opened, number)
    if opened > 2:
        os.close(opened)
    return True
