"""The report domain: what a dataset and a report's options are. Opens no socket.

Reading files is `andon.reports.datasets`, which most processes never do: duckdb and its like are imported there alone.
"""

from andon.reports.columns import Column
from andon.reports.control import Control, Creeping, NoControl, PartOf
from andon.reports.errors import (
    DatasetError,
    DatasetTooLarge,
    InvalidOptions,
    ReportError,
    UnreadableDataset,
    UnsupportedMediaType,
)
from andon.reports.options import SECTIONS, ReportOptions, check_columns, parse_options

__all__ = [
    "SECTIONS",
    "Column",
    "Control",
    "Creeping",
    "DatasetError",
    "DatasetTooLarge",
    "InvalidOptions",
    "NoControl",
    "PartOf",
    "ReportError",
    "ReportOptions",
    "UnreadableDataset",
    "UnsupportedMediaType",
    "check_columns",
    "parse_options",
]
