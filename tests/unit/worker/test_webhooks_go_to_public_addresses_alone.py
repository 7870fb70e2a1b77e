"""Where webhooks may go: what a name means is looked up when it is connected to."""

from __future__ import annotations

import httpcore
import pytest

from andon_worker.dispatcher.telling import PublicOnly, Refused, is_public


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "ff02::1", "x",
    ],
)  # fmt: skip
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "0x7f000001", "2130706433"])
def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_connected_to(host: str) -> None:
    with pytest.raises((Refused, httpcore.ConnectError)):
        PublicOnly().connect_tcp(host, 80)
