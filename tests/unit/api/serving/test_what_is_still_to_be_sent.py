"""An answer is sent whole to a client that takes it, and holds up nobody for one that doesn't."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon_api.serving.outbox import Outbox

LONG = bytes(range(256)) * 40_000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end and the client's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def take(outbox: Outbox, ours: socket.socket, theirs: socket.socket, count: int) -> bytes:
    """Be a loop and a client that reads, until so much has come."""
    got = bytearray()
    theirs.setblocking(False)
    with selectors.DefaultSelector() as poller:
        poller.register(theirs, selectors.EVENT_READ)
        while len(got) < count:
            outbox.flush()
            if poller.select(5):
                got += theirs.recv(1 << 20)
    return bytes(got)


def test_what_there_is_room_for_is_sent_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    waits: list[str] = []
    outbox = Outbox(ends[0], lambda: waits.append("waits"))
    outbox.put(b"short")
    assert ends[1].recv(100) == b"short"
    assert outbox.empty
    assert not waits


def test_pieces_and_files_arrive_whole_and_in_their_order(
    ends: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    waits: list[str] = []
    outbox = Outbox(ends[0], lambda: waits.append("waits"))
    path = tmp_path / "file"
    path.write_bytes(LONG)
    outbox.put(LONG)
    outbox.put(b"between")
    with path.open("rb") as file:
        outbox.put_file(file.fileno(), 5, len(LONG) - 5)
    outbox.put(b"end")
    assert waits
    expected = LONG + b"between" + LONG[5:] + b"end"
    assert take(outbox, *ends, len(expected)) == expected
    assert outbox.empty
    assert not outbox.full


def test_many_pieces_that_nobody_takes_make_it_full(ends: tuple[socket.socket, socket.socket]) -> None:
    outbox = Outbox(ends[0], lambda: None)
    count = 0
    while not outbox.full:
        outbox.put(b"x" * 50_000)
        count += 1
        assert count < 1000
    take(outbox, *ends, count * 50_000)
    assert not outbox.full


def test_nothing_can_be_put_for_a_client_that_is_gone(ends: tuple[socket.socket, socket.socket]) -> None:
    outbox = Outbox(ends[0], lambda: None)
    outbox.put(LONG)
    outbox.close()
    with pytest.raises(ConnectionResetError):
        outbox.put(b"more")
    assert outbox.empty
