"""Statements of the hot paths, translated to the server's placeholders once instead of at each execution."""

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.array import ListBinaryDumper

_NAMED = re.compile(r"%\((\w+)\)s")


class Statement:
    """SQL with `%(name)s` for its values, and no other `%`. A name that is used twice is sent once.

    `binary` sends lists as they are: as text, each of their items is looked through for what is to be escaped.
    """

    def __init__(self, sql: str, *, binary: bool = False) -> None:
        self._names = list(dict.fromkeys(_NAMED.findall(sql)))
        places = {name: f"${place}" for place, name in enumerate(self._names, 1)}
        self._sql = _NAMED.sub(lambda match: places[match[1]], sql).encode()
        self._binary = binary

    def execute(self, connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> psycopg.Cursor[TupleRow]:
        """As `connection.execute`; values that the statement doesn't name are left out."""
        cursor: psycopg.Cursor[TupleRow] = psycopg.RawCursor(connection)
        if self._binary:
            cursor.adapters.register_dumper(list, ListBinaryDumper)
        return cursor.execute(self._sql, [values[name] for name in self._names])
