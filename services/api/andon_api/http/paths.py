"""Addresses with texts of users in them: an id may hold any character, slashes and line feeds among them."""

from werkzeug.datastructures import ImmutableDict
from werkzeug.routing import Map, PathConverter


class AnyText(PathConverter):
    """Whatever is one character long or longer: werkzeug's own has no line feed, and no slash at its beginning."""

    part_isolating = False
    regex = r"(?s:.+?)"


class Addresses(Map):
    """Rules whose `<path:...>` is any text."""

    default_converters = ImmutableDict({**Map.default_converters, "path": AnyText})
