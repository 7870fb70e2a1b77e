"""Whose upload is read next, and who goes when too many wait: by what a tenant has already, and had last."""

import threading

import pytest

from andon_api.asks.reading_places import REMEMBERED, ReadingPlaces
from andon_api.http.problems import Problem


class Uploads:
    """Uploads of tenants at the same places: one at a time is read, of a tenant two may wait."""

    def __init__(self, waiting: int) -> None:
        self.places = ReadingPlaces(1, 1, waiting, 2)
        self.read: list[str] = []

    def send(self, tenant: str) -> "Upload":
        """One that is being read or waits, or was refused."""
        upload = Upload(self, tenant)
        assert upload.arrived.wait(30)
        return upload

    def read_now(self, tenant: str) -> None:
        """One that is read to its end at once."""
        with self.places.place(tenant, lambda: False):
            pass


class Upload:
    """One, from its beginning until it is `end`ed."""

    def __init__(self, uploads: Uploads, tenant: str) -> None:
        self.arrived, self._ended = threading.Event(), threading.Event()
        self.status: int | None = None
        self._uploads, self._tenant = uploads, tenant
        self._thread = threading.Thread(target=self._go)
        self._thread.start()

    def _go(self) -> None:
        try:
            with self._uploads.places.place(self._tenant, self._waits):
                self._uploads.read.append(self._tenant)
                self.arrived.set()
                self._ended.wait(30)
        except Problem as problem:
            self.status = problem.status
            self.arrived.set()

    def _waits(self) -> bool:
        self.arrived.set()
        return False

    def end(self) -> None:
        """Have it read to its end, if it is its turn."""
        self._ended.set()

    def join(self) -> int | None:
        """The status with which it was refused; None when it was read."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.status


def test_a_tenant_without_any_comes_before_anothers_second() -> None:
    uploads = Uploads(waiting=4)
    sent = [uploads.send(tenant) for tenant in ("acme", "acme", "acme", "bolt", "bolt")]
    for each in sent:
        each.end()
    assert [each.join() for each in sent] == [None] * 5
    assert uploads.read == ["acme", "bolt", "acme", "bolt", "acme"]


def test_a_tenants_first_takes_the_place_of_anothers_last() -> None:
    uploads = Uploads(waiting=3)
    sent = [uploads.send(tenant) for tenant in ("acme", "acme", "acme", "bolt", "cone")]
    assert sent[2].join() == 503  # at once: none has been read to its end
    for each in sent:
        each.end()
    assert [each.join() for each in sent] == [None, None, 503, None, None]
    assert uploads.read == ["acme", "bolt", "cone", "acme"]


def test_of_more_tenants_than_may_wait_those_stay_that_were_read_longest_ago() -> None:
    uploads = Uploads(waiting=2)
    for tenant in ("bolt", "cone"):
        uploads.read_now(tenant)
    sent = [uploads.send(tenant) for tenant in ("acme", "bolt", "cone", "dart", "cone")]
    assert [sent[2].join(), sent[4].join()] == [503, 503]
    for each in sent:
        each.end()
    assert [each.join() for each in sent] == [None, None, 503, None, 503]
    assert uploads.read == ["acme", "dart", "bolt"]


def test_a_tenant_has_its_share_of_the_room_alone() -> None:
    uploads = Uploads(waiting=4)
    sent = [uploads.send("acme") for _ in range(4)]
    assert sent[3].join() == 503
    for each in sent:
        each.end()
    assert [each.join() for each in sent] == [None, None, None, 503]


@pytest.mark.parametrize("others", [1, REMEMBERED])
def test_tenants_of_long_ago_are_as_those_of_whom_nothing_was_read(others: int) -> None:
    uploads = Uploads(waiting=2)
    uploads.read_now("acme")
    for number in range(others):
        uploads.read_now(f"other-{number}")
    sent = [uploads.send(tenant) for tenant in ("first", "acme", "newcomer")]
    for each in sent:
        each.end()
    assert [each.join() for each in sent] == [None] * 3
    assert uploads.read[1:] == (["newcomer", "acme"] if others == 1 else ["acme", "newcomer"])
