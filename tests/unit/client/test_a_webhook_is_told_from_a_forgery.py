"""The signature of a webhook, by the code that receivers are given."""

from __future__ import annotations

import pytest

from andon.client.signing import sign_webhook, verify_webhook

BODY, SECRET, AT = b'{"id":"1"}', "andonw_secret", 1_767_225_600


def verified(body: bytes = BODY, signature: str | None = None, secret: str = SECRET, now: float = AT) -> bool:
    """What a receiver finds."""
    signed = sign_webhook(BODY, [SECRET], at=AT) if signature is None else signature
    return verify_webhook(body, signed, secret, now=now)


def test_what_andon_has_signed_is_taken() -> None:
    assert verified()
    assert verified(now=AT + 299)


def test_another_body_secret_or_time_is_refused() -> None:
    assert not verified(body=BODY + b" ")
    assert not verified(secret="andonw_other")
    assert not verified(now=AT + 301)
    assert not verified(now=AT - 301)


def test_while_a_secret_is_rotated_both_are_taken() -> None:
    signature = sign_webhook(BODY, ["new", "former"], at=AT)
    assert all(verified(signature=signature, secret=each) for each in ("new", "former"))
    assert not verified(signature=signature, secret="older")


@pytest.mark.parametrize(
    "signature", ["", "t=1", f"t={AT}", f"t={AT},v1=", f"t={AT},v0=x", "t=ten,v1=x", "t=²,v1=x", ",,="]
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert not verified(signature=signature)
