"""What a duty of the dispatcher is: something that it does beside taking in events, when it is due."""

from abc import ABC, abstractmethod
from typing import ClassVar

from andon.adapters.postgres.duties.look import Due
from andon_worker.dispatcher.leader import Leader


class Duty(ABC):
    """One belongs to each dispatcher, which asks it at every look. One that fails keeps no other from its turn."""

    name: ClassVar[str]
    """What the log and `andon_dispatcher_failures_total` call it, and mostly the look that says whether it is due."""

    def __init__(self, leader: Leader) -> None:
        self._leader = leader

    def is_due(self, due: Due) -> bool:
        """Whether there is something to do, by the look that was taken and by its own clock. Asks no store."""
        return bool(getattr(due, self.name.replace(" ", "_")))

    @abstractmethod
    def act(self) -> None:
        """Do it, for no longer than a part of the time between two looks; if more is left, ask to look again."""
