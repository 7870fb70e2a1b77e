"""Where webhooks may go: what a name means is looked up when it is connected to."""

from __future__ import annotations

import socket
import threading
import time

import httpcore
import httpx
import pytest

from andon.engine.dispatch.webhook_urls import is_public
from andon_worker.dispatcher.public_connections import Outgoing, Refused, transport


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "ff02::1", "x",
        "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "fec0::1",
        "2001:0:7f00:1::", "::ffff:8.8.8.8", "192.0.0.192", "2002:c000:c0::",
    ],
)  # fmt: skip
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "0x7f000001", "2130706433"])
def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_connected_to(host: str) -> None:
    with pytest.raises((Refused, httpcore.ConnectError)):
        Outgoing(private=False).connect_tcp(host, 80)


def test_a_receiver_that_sends_a_byte_now_and_then_gets_no_longer_than_one_that_sends_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hung_up = threading.Event()

        def drip() -> None:
            with server.accept()[0] as client:
                client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                try:
                    while not hung_up.wait(0.05):
                        client.sendall(b"x")
                except OSError:
                    pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        began = time.monotonic()
        client = httpx.Client(transport=transport(private=True, seconds=0.4), timeout=30)
        with client, pytest.raises(httpx.TimeoutException):
            client.post(f"http://127.0.0.1:{server.getsockname()[1]}/")
        hung_up.set()
        dripping.join()
        assert time.monotonic() - began < 20, "not its own time-out"
