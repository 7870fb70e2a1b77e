"""What a cancel that nobody has asked for is: kept with the run, told with its end.

Whoever cancels for a cause that isn't here adds it, with its sentence in `andon.client.causes`.
"""

from enum import StrEnum


class CancelCause(StrEnum):
    """The word that is kept; a text of another kind was kept by a newer release."""

    SUPERSEDED = "superseded"
    SINGLETON = "singleton"
    PARENT = "parent"
    START_TIMEOUT = "start_timeout"
    FINISH_TIMEOUT = "finish_timeout"
    PAUSED = "paused"
