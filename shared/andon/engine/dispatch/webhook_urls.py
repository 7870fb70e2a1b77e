"""Where a webhook may go: what its URL tells, and what the address may be that its name leads to once it is sent."""

import ipaddress
import socket
from urllib.parse import urlsplit

LONGEST = 2000
_UNICAST = ipaddress.ip_network("2000::/3")
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # where a cloud's metadata may be; global to some releases of Python
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # of networks without IPv4: the last 32 bits are what is meant


def url_fault(url: str, *, private: bool = True) -> str | None:
    """Why nothing can be sent to this URL; None if that isn't known. Without `private` it has to be https, and an
    address in it public, however it is written.
    """
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not url.startswith(("https://", "http://")) or not named or not url.isprintable() or " " in url:
        return f"expected a URL such as https://app.example.com/andon, got {url[:80]!r}"
    if parts.username is not None or parts.fragment:
        return "expected a URL without a password and without a part behind #"
    if not private and parts.scheme != "https":
        return "expected a URL that begins with https:// (ANDON_WEBHOOKS_PRIVATE)"
    if not private and not _may_be_public(parts.hostname or ""):
        return "expected a name or a public address (ANDON_WEBHOOKS_PRIVATE)"
    return None if len(url) <= LONGEST else f"expected at most {LONGEST} characters"


def is_public(address: str) -> bool:
    """Whether everybody means the same machine by the address, also one that has another inside."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _PROTOCOLS
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip in _UNICAST and ip.is_global and (ip.sixtofour is None or is_public(str(ip.sixtofour)))


def _may_be_public(host: str) -> bool:
    """Whether it is a public address, or a name: what that leads to is known once something is sent there."""
    if ":" in host:
        return is_public(host)
    try:
        name = host.encode("idna").decode().removesuffix(".")  # as it is looked up: letters, digits, dots of ASCII
    except UnicodeError:
        return False
    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(name)))  # takes 127.1, 0x7f.1, 2130706433
    except OSError:
        return name.rpartition(".")[2] != "localhost"
