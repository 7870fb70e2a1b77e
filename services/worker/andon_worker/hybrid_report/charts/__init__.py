"""The report's kinds of chart."""

from andon_worker.hybrid_report.charts.bars import Bar, bars, columns
from andon_worker.hybrid_report.charts.histograms import histogram, spans
from andon_worker.hybrid_report.charts.lines import Series, along, line
from andon_worker.hybrid_report.charts.matrices import cross_tab, heat_map
from andon_worker.hybrid_report.charts.points import places, scatter
from andon_worker.hybrid_report.charts.ranges import Box, Interval, boxes, intervals, is_logarithmic

__all__ = [
    "Bar",
    "Box",
    "Interval",
    "Series",
    "along",
    "bars",
    "boxes",
    "columns",
    "cross_tab",
    "heat_map",
    "histogram",
    "intervals",
    "is_logarithmic",
    "line",
    "places",
    "scatter",
    "spans",
]
