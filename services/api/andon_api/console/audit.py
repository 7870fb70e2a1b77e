"""The page that says who has changed what."""

from flask import render_template, request

from andon.adapters.postgres.access.audit import ACTIONS
from andon_api.principal import principal
from andon_api.reads import audit

ROWS = 50


def audit_list() -> str:
    """The audit, newest first."""
    action, target = request.args.get("action") or None, request.args.get("target") or None
    page = audit.listed(principal().tenant, limit=ROWS, cursor=request.args.get("cursor"), action=action, target=target)
    return render_template("console/audit.html", page=page, action=action, target=target, known=ACTIONS, every=5000)
