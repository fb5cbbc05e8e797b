"""Tables on a phone: one of four columns or more becomes a card a row, if its cells are few or wordy; long ones fold.

Every cell is told the heading of its column, which the style sheet writes before it on a narrow screen. The roles keep
a table for those who hear the page, whatever the style makes of it. Other tables scroll, with a shadow as the cue. Of a
long one a phone shows the first rows, and a box over it brings the rest.
"""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path

from sphinx.application import Sphinx

LEAST_COLUMNS, MOST_CELLS = 4, 60
WORDY = 40  # letters: a table with a longer cell is read row by row, however many cells it has
MOST_CARDS, CARDS_SHOWN = 4, 3  # a table of more cards folds, and so many are shown
MOST_ROWS, ROWS_SHOWN = 12, 8  # of a table that scrolls
MANY = 6  # columns from which on letters are a little smaller, so that a table fits a wide screen
_TABLE = re.compile(r"(<div class='dfecs-table[^>]*>)<table>(.*?)</table>", re.DOTALL)
_WRITTEN = re.compile(r'<table class="[^"]*\btable\b.*?</table>', re.DOTALL)  # in a page's own text
_CODE = re.compile(r'(?<=<span class="pre">).*?(?=</span>)')
_HEAD = re.compile(r"<th(| [^>]*)>(.*?)</th>", re.DOTALL)


def as_cards(match: re.Match[str]) -> str:
    """Return a table whose cells know their headings, or the table as it is."""
    box, table = match[1], match[2]
    head, _, body = table.partition("</thead>")
    names = [escape(unescape(re.sub(r"<[^>]+>", "", text)), quote=True) for _, text in _HEAD.findall(head)]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    if len(names) >= MANY:
        box = box.replace("dfecs-table", "dfecs-table dfecs-many", 1)
    wordy = any(len(re.sub(r"<[^>]+>", "", cell)) > WORDY for cell in re.findall(r"<td.*?</td>", table, re.DOTALL))
    glance = "dfecs-glance" in box  # a claim is a card, however many there are
    many = len(names) * len(rows) > MOST_CELLS and not wordy and not glance
    if len(names) < LEAST_COLUMNS or many:
        return f"{folded(box, len(rows), MOST_ROWS, ROWS_SHOWN)}<table>{table}</table>"
    out = []
    for row in rows:
        cells = re.split(r"<td", row)[1:]
        labelled = (f'<td role="cell" data-label="{name}"{cell}' for name, cell in zip(names, cells, strict=True))
        out.append(f'<tr role="row">{"".join(labelled)}</tr>')
    heads = _HEAD.sub(r'<th role="columnheader"\1>\2</th>', head)
    heads = heads.replace("<thead>", '<thead role="rowgroup">').replace("<tr>", '<tr role="row">')
    box = box.replace("dfecs-table", "dfecs-table dfecs-cards", 1)
    if not glance:
        box = folded(box, len(rows), MOST_CARDS, CARDS_SHOWN)
    return f'{box}<table role="table">{heads}</thead><tbody role="rowgroup">{"".join(out)}</tbody></table>'


def folded(box: str, rows: int, most: int, shown: int) -> str:
    """Return a table's box that shows so many rows on a phone, with a switch for all; or as it is, if rows are few."""
    if rows <= most:
        return box
    switch = f'<label class="dfecs-more"><input type="checkbox"> Show all {rows} rows (now {shown})</label>'
    return box.replace("dfecs-table", f"dfecs-table dfecs-fold-{shown}", 1) + switch


def with_breaks(table: re.Match[str]) -> str:
    """Let paths and names in a table break after their slashes and underscores, and nowhere else."""
    return _CODE.sub(lambda code: re.sub(r"([/_])(?=\w)", r"\1<wbr>", code[0]), table[0])


def mend(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    for file in Path(app.outdir).rglob("*.html"):
        if "results" in file.relative_to(app.outdir).parts:
            continue
        page = file.read_text(encoding="utf-8")
        mended = _WRITTEN.sub(with_breaks, _TABLE.sub(as_cards, page))
        if mended != page:
            file.write_text(mended, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", mend, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
