"""`verifyWebhook` of the TypeScript client, in a browser's engine, on what Andon signs."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from andon.client.signing import sign_webhook
from tests.e2e.card_server import BUNDLE

BODY, SECRET = '{"id": "1", "title": "Öl"}', "andonw_secret"
VERIFY = "async ([body, signature, secret]) => (await import('/webhooks.js')).verifyWebhook(body, signature, secret)"


def test_what_andon_signs_is_verified_and_what_it_does_not_is_refused(page: Page) -> None:
    code = (BUNDLE / "webhooks.js").read_text()
    page.route("http://localhost:1/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.route("**/webhooks.js", lambda route: route.fulfill(body=code, content_type="text/javascript"))
    page.goto("http://localhost:1/")
    now = int(time.time())
    signed = sign_webhook(BODY.encode(), ["former", SECRET], at=now)
    old = sign_webhook(BODY.encode(), [SECRET], at=now - 400)
    cases = [
        (BODY, signed, SECRET),
        (BODY + " ", signed, SECRET),
        (BODY, signed, "other"),
        (BODY, old, SECRET),
        (BODY, "", SECRET),
    ]
    assert [page.evaluate(VERIFY, list(case)) for case in cases] == [True, False, False, False, False]
