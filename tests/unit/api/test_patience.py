"""A client's socket: what is there is taken at once, what dawdles is cut off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon_api.patience import GRACE_SECONDS, PatientSocket

Pair = tuple[PatientSocket, socket.socket, list[float]]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A patient socket, its client, and the time that it goes by."""
    ours, theirs = socket.socketpair()
    now = [100.0]
    with ours, theirs:
        yield PatientSocket(ours, clock=lambda: now[0]), theirs, now


def test_what_is_there_is_read_and_the_end_is_told(pair: Pair) -> None:
    ours, theirs, _ = pair
    theirs.sendall(b"half")
    assert ours.recv(100) == b"half"
    theirs.close()
    assert ours.recv(100) == b""


def test_a_client_that_sends_nothing_in_time_is_cut_off(pair: Pair) -> None:
    ours, _, now = pair
    now[0] += GRACE_SECONDS
    with pytest.raises(ConnectionResetError):
        ours.recv(100)


def test_what_comes_in_time_is_waited_for(pair: Pair) -> None:
    ours, theirs, _ = pair
    threading.Timer(0.05, theirs.sendall, [b"late"]).start()
    assert ours.recv(100) == b"late"


def test_more_than_there_is_room_for_is_sent_whole(pair: Pair) -> None:
    ours, theirs, _ = pair
    data = bytes(range(256)) * 20_000
    got = bytearray()

    def read() -> None:
        while len(got) < len(data):
            got.extend(theirs.recv(1 << 16))

    reader = threading.Thread(target=read)
    reader.start()
    ours.sendall(data)
    reader.join(10)
    assert bytes(got) == data
    assert ours.getblocking()


def test_a_file_is_sent_whole_on_a_connection_that_gunicorn_has_made_non_blocking(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    path = tmp_path / "file"
    path.write_bytes(data)
    got = bytearray()
    ours, theirs = socket.socketpair()

    def read() -> None:
        while len(got) < len(data):
            got.extend(theirs.recv(1 << 16))

    with ours, theirs, path.open("rb") as file:
        ours.setblocking(False)
        reader = threading.Thread(target=read)
        reader.start()
        assert PatientSocket(ours).sendfile(file, 0, len(data)) == len(data)
        reader.join(10)
    assert bytes(got) == data
