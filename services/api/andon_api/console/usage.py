"""The page that says what a tenant uses, and how long it is kept."""

from flask import Response, render_template, request

from andon_api.asks.keeping import keep
from andon_api.console.parts import forms
from andon_api.http.effects import Outcome
from andon_api.principal import principal
from andon_api.reads import keeping, usage
from andon_api.schemas import KeepingChange
from andon_api.services import services

KEPT = (
    ("runs", "Runs", "since their end"),
    ("artifacts", "Files of runs", "since they were stored"),
    ("unused", "Unused datasets", "since their upload"),
    ("orphans", "Nameless files", "of broken uploads"),
)


def usage_page() -> str:
    """What the tenant uses now, and used in the last day."""
    tenant = principal().tenant
    return render_template(
        "console/usage.html",
        tenant=tenant,
        usage=usage.of(tenant, services().redis),
        keeping=keeping.of(tenant),
        kept=KEPT,
        every=5000,
    )


def change_keeping() -> Response:
    """Keep what the form says; what is left empty is as everybody's."""
    given = {name: request.form.get(name, "").strip() or None for name, _, _ in KEPT}
    changes = forms.load(KeepingChange(), given)

    def change() -> Outcome:
        keep(changes)
        return Outcome(None)

    return forms.act(change)
