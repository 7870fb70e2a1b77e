"""Where a webhook may go, as far as its URL tells."""

from __future__ import annotations

import pytest

from andon.engine.dispatch.webhook_urls import url_fault


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:8443/x?y=1", "http://10.0.0.1/", "https://[::1]/"]
)
def test_urls_that_lead_somewhere_are_taken(url: str) -> None:
    assert url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://a.example:port",
        "https://a b.example",
        "https://a.example/\n",
        "https://me:secret@a.example",
        "https://a.example/#part",
        "https://[::1",
        "https://a.example/" + "x" * 2000,
    ],
)
def test_others_are_refused_in_a_sentence(url: str) -> None:
    assert str(url_fault(url)).startswith("expected")


def test_plain_http_is_refused_unless_private_networks_are_allowed() -> None:
    assert "https://" in str(url_fault("http://a.example", private=False))
    assert url_fault("https://a.example", private=False) is None


@pytest.mark.parametrize("host", ["10.0.0.1", "[::1]", "169.254.169.254", "[64:ff9b::a00:1]", "[fe80::1%25eth0]"])
def test_private_addresses_are_refused_before_anything_is_sent_to_them(host: str) -> None:
    assert "public address" in str(url_fault(f"https://{host}/", private=False))
    assert url_fault("https://8.8.8.8/", private=False) is None


LOOPBACK = ["127.1", "127.0.1", "2130706433", "0x7f.1", "0X7F000001", "0177.0.0.1", "0", "127.0.0.1."]
OTHERS = ["10.1", "0xa9fea9fe", "0300.0250.1", "169.254.43518"]
DRESSED = ["127。0。0。1", "127．0｡0.1", "１２７.0.0.1", "⑫7.0.0.1", "②130706433", "127.0.0.1\ufe0f"]
NAMES = ["localhost", "LocalHost", "localhost.", "a.localhost", "a.b.localhost.", "ｌocalhost", "a。localhost", "a..b"]


@pytest.mark.parametrize("host", [*LOOPBACK, *OTHERS, *DRESSED, *NAMES])
def test_so_are_they_however_they_are_written_and_names_of_this_machine(host: str) -> None:
    assert "public address" in str(url_fault(f"https://{host}:8443/", private=False))


@pytest.mark.parametrize(
    "host",
    [
        "8.8",
        "134744072",
        "0x08080808",
        "8。8。8。8",
        "bücher.example",
        "localhost.example",
        "127.example",
        "a_b.example",
        "😀.example",
    ],
)
def test_public_addresses_and_other_names_are_taken_however_they_are_written(host: str) -> None:
    assert url_fault(f"https://{host}/", private=False) is None
