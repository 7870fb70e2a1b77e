"""What can be wrong with a dataset or with a report's options."""

from __future__ import annotations

from collections.abc import Sequence


class ReportError(Exception):
    """Base of the report domain's errors; the message is fit to be shown to the user."""


class DatasetError(ReportError):
    """The file can't be used as a dataset."""


class UnsupportedMediaType(DatasetError):
    """The file is of a kind that isn't read at all."""


class UnreadableDataset(DatasetError):
    """The file claims a kind that its content doesn't keep to; `line` is where, if that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line is not None else message)
        self.line = line


class DatasetTooLarge(DatasetError):
    """The file, or what it unpacks to, is over the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the dataset is larger than {limit_bytes:,} bytes when unpacked, which is the limit")
        self.limit_bytes = limit_bytes


class InvalidOptions(ReportError):
    """Report options are wrong; `problems` pairs each one's JSON pointer with what was expected there."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer}: {message}" for pointer, message in problems))
        self.problems = list(problems)
