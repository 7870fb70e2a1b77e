"""What is paused."""

from andon.adapters.postgres.doors import pauses
from andon_api.database import Row, connection
from andon_api.reads import registered


def of(tenant: str) -> list[Row]:
    """A tenant's pauses."""
    return [each._asdict() for each in pauses.listed(connection()) if each.tenant == tenant]


def exists(kind: str, name: str) -> bool:
    """Whether there is such a function, or a function with such a queue."""
    found = registered.listed()
    if kind == "function":
        return any(each["id"] == name for each in found)
    return name == "default" or any(each["settings"].get("queue") == name for each in found)
