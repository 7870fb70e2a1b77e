"""A request is told from what comes behind it, however its bytes are cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon_api.serving.arrival import IN_MEMORY, LONGEST_HEAD, SMALL, Arrival, NotArrived, Replay

PLAIN = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
SIZED = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n0\r\n\r\nab"
CHUNKED = (
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\n\r\n0\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
)


@given(st.lists(st.sampled_from([PLAIN, SIZED, CHUNKED]), max_size=4), st.lists(st.integers(1, 40), min_size=1))
def test_each_of_several_requests_is_found_however_they_are_cut(requests: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(requests)
    found, arrival, place, turn = [], Arrival(), 0, 0
    while place < len(stream):
        piece = stream[place : place + cuts[turn % len(cuts)]]
        place, turn = place + len(piece), turn + 1
        while piece:
            piece = arrival.feed(piece)
            if arrival.complete:
                found.append(arrival.read_at(0, 1000))
                arrival.close()
                arrival = Arrival()
    arrival.close()
    assert found == requests


@pytest.fixture
def arrival() -> Iterator[Arrival]:
    """A request of which nothing is there yet."""
    with closing(Arrival()) as made:
        yield made


@pytest.mark.parametrize(
    "body",
    [b"zz\r\n", b"-1\r\n", b"\r\n", b"1" * 9000, b"0\r\n" + b"a: b\r\n" * 200, b"fffffffffffffffff\r\n"],
)
def test_a_body_that_is_not_chunked_as_it_should_be_is_left_to_the_parser(arrival: Arrival, body: bytes) -> None:
    arrival.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert arrival.complete


@pytest.mark.parametrize("lengths", [b"Content-Length: 3\r\nContent-Length: 4\r\n", b"Content-Length: +3\r\n"])
def test_a_length_that_contradicts_itself_is_left_to_the_parser(arrival: Arrival, lengths: bytes) -> None:
    assert arrival.feed(b"POST / HTTP/1.1\r\n" + lengths + b"\r\nabcd") == b"abcd"
    assert arrival.complete


def test_a_head_without_end_is_left_to_the_parser(arrival: Arrival) -> None:
    arrival.feed(b"GET / HTTP/1.1\r\nA: " + b"a" * LONGEST_HEAD)
    assert arrival.ready
    assert arrival.closes


def test_a_small_request_is_handled_when_it_is_there(arrival: Arrival) -> None:
    arrival.feed(f"POST / HTTP/1.1\r\nContent-Length: {SMALL}\r\n\r\n".encode())
    assert not arrival.ready
    arrival.feed(b"x" * SMALL)
    assert arrival.ready


def test_a_large_request_is_looked_at_when_its_head_is_there(arrival: Arrival) -> None:
    arrival.feed(f"POST / HTTP/1.1\r\nContent-Length: {SMALL + 1}\r\n\r\n".encode())
    assert arrival.ready


def test_a_client_that_waits_to_be_told_to_go_on_is_looked_at_before_its_body(arrival: Arrival) -> None:
    arrival.feed(b"POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert arrival.ready
    assert not arrival.complete


def test_a_body_that_is_read_before_it_is_there_is_waited_for_and_then_read_from_its_start(arrival: Arrival) -> None:
    head = f"POST / HTTP/1.1\r\nContent-Length: {2 * IN_MEMORY}\r\n\r\n".encode()
    arrival.feed(head + b"a" * IN_MEMORY)
    early = Replay(arrival)
    assert early.recv(10 * IN_MEMORY) == head + b"a" * IN_MEMORY
    with pytest.raises(NotArrived):
        early.recv(100_000)
    arrival.asked = True
    assert not arrival.ready
    arrival.feed(b"b" * IN_MEMORY)
    assert arrival.ready
    late = Replay(arrival)
    assert late.recv(10 * IN_MEMORY) == head + b"a" * IN_MEMORY + b"b" * IN_MEMORY
    assert late.all_read


def test_no_more_is_kept_of_a_body_than_the_application_would_read(arrival: Arrival) -> None:
    arrival.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    arrival.asked, arrival.most = True, 100_000
    arrival.feed(b"fffff\r\n" + b"x" * 99_000)
    assert not arrival.ready
    arrival.feed(b"x" * 2000)
    assert arrival.ready
