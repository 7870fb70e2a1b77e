"""The report domain: what a dataset and a report's options are. Opens no socket."""

from andon.reports.columns import Column
from andon.reports.control import Control, NoControl, PartOf
from andon.reports.datasets import DatasetInfo, ensure_parquet, inspect_dataset
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
    "DatasetError",
    "DatasetInfo",
    "DatasetTooLarge",
    "InvalidOptions",
    "NoControl",
    "PartOf",
    "ReportError",
    "ReportOptions",
    "UnreadableDataset",
    "UnsupportedMediaType",
    "check_columns",
    "ensure_parquet",
    "inspect_dataset",
    "parse_options",
]
