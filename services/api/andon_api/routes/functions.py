"""Functions: which are registered, and what their runs did."""

from andon_api.database import Row
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import functions
from andon_api.schemas import FunctionSchema

blueprint = Blueprint("functions", __name__, description="Functions that are registered")


@blueprint.lists("/functions", FunctionSchema)
def listed() -> Row:
    """What is registered, with what its runs did in the last 24 hours."""
    return {"items": functions.with_statistics(principal().tenant), "next_cursor": None}
