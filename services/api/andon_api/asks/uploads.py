"""Uploads: streamed to disk under a limit, read to the end, then stored."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import flask
from sqlalchemy import func, select
from werkzeug.exceptions import RequestEntityTooLarge

from andon.adapters.postgres.asks.requests import Conflict, there
from andon.adapters.postgres.models import Dataset, Report
from andon.adapters.storage import StorageError
from andon.engine.ids import new_id
from andon.reports.errors import InvalidOptions
from andon.reports.overrides import parse_overrides
from andon_api.database import db
from andon_api.http.problems import FieldErrors, Problem
from andon_api.http.strict.json import parse_json
from andon_api.principal import Principal, principal
from andon_api.services import services
from andon_api.serving.exchange import LEFT

FRAME_BYTES = 64 * 1024  # what multipart adds to the file itself
LONGEST_NAME = 200
VERSION = 1  # of a dataset, which never changes


@dataclass(frozen=True)
class Upload:
    """A file that was received and can be read as a dataset."""

    path: Path
    name: str
    sha256: str
    found: Mapping[str, Any]


@contextmanager
def received(request: flask.Request) -> Iterator[Upload]:
    """The form's `file`, on disk until the block ends. Raises a `Problem` for everything that can't be a dataset."""
    limit = services().settings.upload_limit_bytes
    if request.mimetype != "multipart/form-data":
        raise Problem(415, f"expected multipart/form-data with a part 'file', got {request.mimetype or 'no body'}")
    if request.content_length is not None and request.content_length > limit + FRAME_BYTES:
        raise _too_large(limit)  # before a byte of it is read
    _check_room(principal().tenant, request.content_length or 0)
    request.max_content_length = limit + FRAME_BYTES
    try:
        given = request.files.get("file")
    except RequestEntityTooLarge:
        if request.content_length is not None:  # which is within the limit
            fields = f"{request.max_form_memory_size:,} bytes in fields that are no files"
            raise Problem(413, f"expected a form of at most {request.max_form_parts} parts, and {fields}") from None
        raise _too_large(limit) from None
    if given is None or not given.filename:
        raise FieldErrors([("/file", "expected a file with a name")])
    name = Path(given.filename.replace("\\", "/")).name[-LONGEST_NAME:]
    if not name.isprintable():
        raise FieldErrors([("/file", "expected a file name of printable characters")])
    try:
        given.stream.flush()
        path = Path(str(given.stream.name))
        if path.stat().st_size > limit:
            raise _too_large(limit)
        found = services().inspections.inspect(
            path, name, _given(request), tenant=principal().tenant, left=request.environ.get(LEFT, lambda: False)
        )
        yield Upload(path, name, _sha256(path), found)
    finally:
        given.close()


def _check_room(tenant: str, more: int) -> None:
    """Raise a `Problem` where a tenant's datasets take all that they may: storage is everybody's."""
    most = services().settings.datasets_limit_bytes
    taken = db.session.execute(select(func.sum(Dataset.bytes)).where(Dataset.tenant == tenant)).scalar_one() or 0
    if most and taken + more > most:
        raise Problem(413, f"your datasets take {taken:,} of {most:,} bytes: delete some that no report uses")


def keep(who: Principal, file: Upload) -> UUID:
    """Store the file and record it, in the session's transaction."""
    dataset_id = new_id()
    key = f"{who.tenant}/datasets/{dataset_id}/{_safe(file.name)}"
    size = services().storage.put_file(file.path, key)
    dataset = Dataset(
        id=dataset_id,
        tenant=who.tenant,
        name=file.name,
        format=file.found["format"],
        media_type=file.found["mediaType"],
        bytes=size,
        rows=file.found["rows"],
        columns=file.found["columns"],
        plan=file.found["plan"],
        storage_key=key,
        sha256=file.sha256,
        created_by=who.user,
    )
    try:
        db.session.add(dataset)
        db.session.flush()
    except Exception:
        _forget(key)
        raise
    return dataset_id


def delete(tenant: str, dataset_id: UUID, check: Callable[[object], None] | None) -> None:
    """Delete a dataset and its file. Raises `NotFound`, or `Conflict` while a report uses it."""
    query = select(Dataset).where(Dataset.tenant == tenant, Dataset.id == dataset_id).with_for_update()
    dataset = there(db.session.execute(query).scalar_one_or_none(), "Dataset not found")
    if check is not None:
        check(VERSION)
    users = db.session.execute(select(func.count()).where(Report.dataset_id == dataset_id)).scalar_one()
    if users:
        raise Conflict(f"Dataset is used by {users} report{'' if users == 1 else 's'}: delete them first, or change it")
    key = dataset.storage_key
    db.session.delete(dataset)
    db.session.commit()
    _forget(key)


def _forget(key: str) -> None:
    try:
        services().storage.delete(key)
    except StorageError:
        return  # `andon prune` removes what no row names


def _given(request: flask.Request) -> dict[str, Any]:
    """What the form's `reading` says of how the file is written."""
    text = request.form.get("reading") or "{}"
    try:
        return parse_overrides(parse_json(text))
    except Problem as problem:
        raise FieldErrors([("/reading", f"expected a JSON object: {problem.detail}")]) from None
    except InvalidOptions as error:
        raise FieldErrors(error.problems) from None


def _too_large(limit: int) -> Problem:
    return Problem(413, f"expected a file of at most {limit:,} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _safe(name: str) -> str:
    """A file's name as part of a key: what it ends in stays."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", os.path.basename(name)).lstrip(".")[-100:] or "file"
