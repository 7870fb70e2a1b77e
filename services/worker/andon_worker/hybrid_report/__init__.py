"""The hybrid report: pure computing and rendering, with no engine, database or network in it.

`SECTIONS` names the sections, each of which computes from a Parquet file a JSON result, and tells and draws it;
`make_document` joins the results; `render_html`, `render_pdf` and `render_json` write the files.
"""

from andon.reports import Control, NoControl
from andon_worker.hybrid_report.changes import digest
from andon_worker.hybrid_report.document import Document, make_document, render_json
from andon_worker.hybrid_report.rendering.render_html import render_html
from andon_worker.hybrid_report.rendering.render_pdf import render_pdf
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.synthetic import synthetic

__all__ = [
    "SECTIONS",
    "Control",
    "Document",
    "NoControl",
    "digest",
    "make_document",
    "render_html",
    "render_json",
    "render_pdf",
    "synthetic",
]
