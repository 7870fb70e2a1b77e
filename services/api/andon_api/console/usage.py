"""The page that says what a tenant uses."""

from __future__ import annotations

from flask import Blueprint, render_template

from andon_api.principal import principal
from andon_api.reads import usage
from andon_api.services import services


def add_to(console: Blueprint) -> None:
    """Add this route."""
    console.get("/usage")(usage_page)


def usage_page() -> str:
    """What the tenant uses now, and used in the last day."""
    tenant = principal().tenant
    return render_template("console/usage.html", tenant=tenant, usage=usage.of(tenant, services().redis), every=5000)
