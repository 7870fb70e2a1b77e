"""Pages of webhooks: who is told of the ends of runs, what each was told and is owed, and what can be done about it."""

from flask import Response, make_response, render_template, request, url_for

from andon.adapters.postgres import webhooks
from andon_api.asks import webhooks as ask
from andon_api.console.parts import forms
from andon_api.database import connection, db
from andon_api.principal import principal

ROWS = 50


def webhook_list() -> str:
    """The tenant's webhooks, and the form that makes one."""
    found = webhooks.list_webhooks(connection(), principal().tenant)
    return render_template("console/webhooks.html", webhooks=found, every=5000)


def create_webhook() -> Response:
    """Make one, and show its secret."""
    url = request.form.get("url", "").strip()
    _, secret = ask.make(url)
    return _told_once(secret, f"Webhook for {url}")


def deliveries(id: str) -> str:
    """A webhook, and what it was told and is owed, newest first."""
    webhook = ask.found(id)
    page = ask.page_of(webhook, request.args.get("cursor"), ROWS)
    return render_template("console/webhook.html", webhook=webhook, page=page, every=2000)


def rotate_webhook(id: str) -> Response:
    """Make another secret, which signs beside the former one, and show it."""
    return _told_once(ask.make_secret(id)[1], "Another secret")


def finish_rotation(id: str) -> Response:
    """Sign with the newest secret alone."""
    return forms.do(lambda: ask.finish_rotation(id))


def delete_webhook(id: str) -> Response:
    """Tell it nothing more."""
    forms.do(lambda: ask.end(id))
    return Response("", headers={"HX-Redirect": url_for("console.webhook_list")})


def resend_delivery(id: str, delivery: int) -> Response:
    """Tell it once more."""
    return forms.do(lambda: ask.send_again(id, delivery))


def _told_once(secret: str, what: str) -> Response:
    """Commit, and show the secret: no answer with one is kept, under no Idempotency-Key either."""
    db.session.commit()
    response = make_response(render_template("console/webhook_secret.html", secret=secret, what=what))
    response.headers["HX-Trigger"] = "changed"
    return response
