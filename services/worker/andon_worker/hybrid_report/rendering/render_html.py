"""`report.html`: one file that asks nothing of the network and prints well."""

from __future__ import annotations

import re
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from andon_worker.hybrid_report.document import Document
from andon_worker.hybrid_report.drawing import narrowed, to_svg
from andon_worker.hybrid_report.rendering.facts import method, subtitle
from andon_worker.hybrid_report.rendering.parts import Part, parts
from andon_worker.hybrid_report.section import Figure, Grid
from andon_worker.hybrid_report.wording import label

# The browser itself is told to refuse everything but the styles in the file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render_html(document: Document, path: Path) -> None:
    """Write the report as a web page; everything from the dataset is escaped."""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    title = escape(label(document["title"], 200))
    shown, quiet = parts(document)
    page = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n",
        f'<header>\n<h1>{title}</h1>\n<p class="subtitle">{escape(subtitle(document))}</p>\n</header>\n',
        _key_findings(document["narrative"]["keyFindings"]),
        _contents(shown),
        *map(_part, shown),
        _rest(quiet),
        '<section class="method">\n<h2 id="method">How the numbers were made</h2>\n'
        + _items(method(document, shown))
        + "</section>\n</main>\n</body>\n</html>\n",
    ]
    path.write_text("\n".join(page), encoding="utf-8")


def _key_findings(findings: list[dict[str, Any]]) -> str:
    """Each linked to the chart that shows it, or to its section; nothing where nothing was found."""
    if not findings:
        return ""
    items = "".join(
        f'<li>{_said(each["text"])} <a href="#{_target(each)}">See the {"chart" if each["figure"] else "section"}</a>'
        "</li>\n"
        for each in findings
    )
    return f'<section class="key">\n<h2 id="key">Key findings</h2>\n<ul>\n{items}</ul>\n</section>\n'


def _target(finding: dict[str, Any]) -> str:
    return figure_id(finding["section"], finding["figure"]) if finding["figure"] else finding["section"]


def figure_id(section: str, key: str) -> str:
    """An id for a chart, whatever the names of its columns are."""
    return f"{section}-{sha256(key.encode()).hexdigest()[:10]}"


def _contents(shown: list[Part]) -> str:
    links = "".join(f'<li><a href="#{part.name}">{escape(part.title)}</a></li>' for part in shown)
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'


def _part(part: Part) -> str:
    said = "".join(f"<p>{_said(sentence)}</p>\n" for sentence in part.sentences)
    drawn = "".join(_figure(part.name, figure) for figure in part.figures)
    return (
        f'<section aria-labelledby="{part.name}">\n<h2 id="{part.name}">{escape(part.title)}</h2>\n'
        f'<div class="prose">\n{said}</div>\n'
        + (f'<div class="figures">\n{drawn}</div>\n' if drawn else "")
        + "".join(map(_table, part.grids))
        + "</section>\n"
    )


def _rest(quiet: list[Part]) -> str:
    """The sections that have a sentence and nothing to show."""
    if not quiet:
        return ""
    items = "".join(
        f'<dt id="{part.name}">{escape(part.title)}</dt><dd>{_said(" ".join(part.sentences))}</dd>\n' for part in quiet
    )
    return f'<section>\n<h2 id="rest">Also looked at</h2>\n<dl>\n{items}</dl>\n</section>\n'


_HYPHENED = re.compile(r"[\w.:/]+(?:-[\w.:/]+)+")
_LONGEST = 24  # characters that may stay together


def _said(sentence: str) -> str:
    """A sentence in which days and codes aren't broken at their hyphens."""

    def whole(found: re.Match[str]) -> str:
        text = found[0]
        held = len(text) <= _LONGEST and any(map(str.isdigit, text))
        return f'<span class="whole">{text}</span>' if held else text

    return _HYPHENED.sub(whole, escape(sentence))


def _figure(section: str, figure: Figure) -> str:
    note = f' <span class="note">{escape(figure.note)}</span>' if figure.note else ""
    drawn = to_svg(figure.drawing)
    if figure.wide:
        drawn = to_svg(figure.drawing, "full") + to_svg(narrowed(figure.drawing), "narrow")
    return (
        f'<figure class="{"wide" if figure.wide else "half"}" id="{figure_id(section, figure.key)}">'
        f"<figcaption>{escape(figure.heading)}{note}</figcaption>{drawn}</figure>\n"
    )


def _table(grid: Grid) -> str:
    widths = [_least(grid, place) for place in range(len(grid.headers))]
    head = "".join(
        f'<th scope="col"{_NUMBER if grid.is_number(place) else ""} style="--least: {width}">{_parted(text)}</th>'
        for place, (text, width) in enumerate(zip(grid.headers, widths, strict=True))
    )
    rows = "".join(f"<tr>{_cells(row, grid)}</tr>\n" for row in grid.rows)
    kind = "table many" if sum(widths) + _GAP * len(widths) > _ROOM else "table"
    # A wide table scrolls by itself; being focusable, also from the keyboard.
    return (
        f'<div class="{kind}" tabindex="0" role="region" aria-label="{escape(grid.caption)}"><table>\n'
        f"<caption>{escape(grid.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )


_ROOM, _GAP = 104, 2  # characters of a line of a table, and between two columns; what is wider is set closer
_LINE, _NAME, _HEAD = 18, 14, 9  # characters of a line of words, of one in the first column, and of a number's header
_NUMBER = ' class="number"'
_BREAK = re.compile(r"(?<=[_/])(?=[^\W_])")  # where a name may be broken beside its blanks


def _least(grid: Grid, place: int) -> int:
    """The characters that a column needs: its longest word, or a line of words where it has more."""

    def least(text: str, line: int) -> int:
        held = len(text) <= _LONGEST and any(map(str.isdigit, text))
        return len(text) if held else max(min(len(text), line), _longest(text))

    cells = [row[place] for row in grid.rows]
    if grid.is_number(place):
        header = grid.headers[place]
        return max([least(header, min(_NAME, max(_HEAD, len(header) // 2 + 1))), *map(len, cells)])
    line = _LINE if place else _NAME
    return min(_LONGEST, max(least(text, line) for text in [grid.headers[place], *cells]))


def _cells(row: tuple[str, ...], grid: Grid) -> str:
    kinds = [_NUMBER if grid.is_number(place) else "" for place in range(len(row))]
    cells = [f"<td{kind}>{_parted(text)}</td>" for kind, text in zip(kinds[1:], row[1:], strict=True)]
    return f'<th scope="row"{kinds[0]}>{_parted(row[0])}</th>' + "".join(cells)


def _parted(text: str) -> str:
    """The text of a cell: days, codes and amounts in one piece, and long names in pieces that go over lines."""
    held = len(text) <= _LONGEST and any(map(str.isdigit, text)) and not text.isdigit()
    if held and re.search(r"[\s/-]", text):
        return f'<span class="whole">{escape(text)}</span>'
    said = _BREAK.sub("<wbr/>", escape(text, quote=False)) if len(text) > _NAME else escape(text)
    return f'<span class="long">{said}</span>' if _longest(text) > _LONGEST else said


def _longest(text: str) -> int:
    return max(map(len, re.split(rf"\s|{_BREAK.pattern}", text)))


def _items(sentences: list[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{escape(sentence)}</li>\n" for sentence in sentences) + "</ul>\n"
