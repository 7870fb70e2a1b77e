"""Bodies of requests: how much of one is read, and where a file in it goes."""

import tempfile
from functools import cached_property
from typing import IO, Any

import flask
from werkzeug.exceptions import RequestEntityTooLarge

from andon_api.http.problems import FieldErrors
from andon_api.serving.exchange import MOST

TAKES_A_FILE = frozenset({"datasets.upload", "console.create", "console.upload"})
LARGEST = 16 << 20  # bytes: of what says no limit of its own, as lists of events
LARGEST_JSON = 1 << 20  # bytes of any other JSON
MOST_PARTS = 100  # of a form
FILE = "andon.file"  # in the environ: the file that the request has had


class Request(flask.Request):
    """Parts of a form that are files go to disk under a name, so that they can be read by path."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body. Says how much of it would be read, so that no more of a large one is waited for."""
        self.environ[MOST] = self.max_content_length
        return super().stream

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """The body. One that doesn't say its length and is longer than the limit is refused: werkzeug cuts it off."""
        data = super().get_data(*args, **kwargs)
        if self.content_length is None and len(data) == self.max_content_length and self.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
        return data

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Where a part that is a file goes: one is taken where files are taken, and none elsewhere."""
        if self.endpoint not in TAKES_A_FILE or FILE in self.environ:
            raise FieldErrors([("", "expected one file at most" if FILE in self.environ else "expected no file here")])
        file = self.environ[FILE] = tempfile.NamedTemporaryFile("w+b", prefix="andon-upload-")  # noqa: SIM115 - see close
        return file

    def close(self) -> None:
        """With the file, also of a form that was refused before it was read to its end."""
        super().close()
        if FILE in self.environ:
            self.environ[FILE].close()
