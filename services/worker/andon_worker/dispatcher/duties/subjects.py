"""What subjects are owed: the run that waits until the former one has stopped, and the rows that follow them."""

from andon.adapters.postgres.subjects import rows_owed, subjects
from andon_worker.dispatcher.duties.duty import Duty


class OpenSubjectDoors(Duty):
    """Lets runs go whose subject's former run has stopped; they are hinted after it, with all that wait for that."""

    name = "subject doors"

    def act(self) -> None:
        subjects.open_doors(self._leader.connection())


class WriteRows(Duty):
    """Writes the followed rows that are owed, and goes on at once while that succeeds."""

    name = "rows"

    def act(self) -> None:
        if rows_owed.write(self._leader.connection()) >= rows_owed.AT_ONCE:
            self._leader.look_again()
