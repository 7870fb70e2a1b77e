"""What a run has said, as the API tells it."""

from collections.abc import Iterator
from uuid import UUID

from andon.adapters.postgres.runs import run_logs
from andon.adapters.postgres.runs.run_logs import Line, Place, Wanted
from andon_api.database import Row, connection, db
from andon_api.http import paging
from andon_api.http.paging import Listing

AT_ONCE = 1_000


def wanted(query: Row) -> Wanted:
    """Which lines a query asks for."""
    return Wanted(query["step"], query["attempt"], query["level"], query["text"] or None)


def page(run_id: UUID, query: Row) -> Row:
    """A page of lines, oldest first: what a run says next comes behind them."""
    limit, which = query["limit"], wanted(query)
    listing = Listing("logs", {"run": run_id, **vars(which)})
    after = listing.decode(query["cursor"], paging.seq, paging.seq)
    found = run_logs.read(connection(), run_id, which, after=Place(*after) if after else Place(), limit=limit + 1)
    return listing.page([shape(each) for each in found], limit, lambda row: row["place"])


def newest(run_id: UUID, which: Wanted, limit: int) -> list[Row]:
    """The newest lines, in their order."""
    return [shape(each) for each in run_logs.newest(connection(), run_id, which, limit=limit)]


def behind(run_id: UUID, which: Wanted, after: Place) -> list[Row]:
    """The next lines behind a place."""
    return [shape(each) for each in run_logs.read(connection(), run_id, which, after=after, limit=AT_ONCE)]


def everything(run_id: UUID, which: Wanted) -> Iterator[Row]:
    """All lines, however many; no transaction is open between two reads."""
    after = Place()
    while found := behind(run_id, which, after):
        db.session.rollback()
        yield from found
        after = found[-1]["place"]


def as_text(row: Row) -> str:
    """A line as a person reads it in a file."""
    where = f"{row['step']}#{row['attempt']}" if row["step"] else "-"
    fields = "".join(f" {name}={value!r}" for name, value in (row["fields"] or {}).items())
    at = row["at"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{at}Z {row['level'] or row['stream']:<8} {where} {row['text']}{fields}"


def shape(line: Line) -> Row:
    return line._asdict()
