"""Tables for a page: plain, scrollable on a narrow screen, with a caption that names the data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

import pandas as pd

from dfecs_lib.plotting.figure import Html, caption_html

__all__ = ["Table"]

_NAME = 16  # letters; a longer word with a hyphen may be cut there


class Table(Html):
    """A table of a page.

    Parameters
    ----------
    frame : DataFrame
        Its named index levels become the first columns.
    form : str
        Format of numbers that are no whole ones.
    names : mapping of str to str, optional
        Other headings for columns, with units.
    caption, data : str
        As for `Figure`.

    Examples
    --------
    >>> import pandas as pd
    >>> "91.3" in Table(pd.DataFrame({"VE (%)": [91.29]})).html
    True
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        form: str = "{:.1f}",
        names: Mapping[str, str] | None = None,
        caption: str = "",
        data: str = "",
    ) -> None:
        shown = frame.reset_index() if any(name is not None for name in frame.index.names) else frame
        words = [column for column in shown if not pd.api.types.is_numeric_dtype(shown[column])]
        mark = {column: " class='left'" if column in words else "" for column in shown}
        head = "".join(f"<th scope='col'{mark[c]}>{escape(str((names or {}).get(str(c), c)))}</th>" for c in shown)
        rows = (
            "<tr>" + "".join(f"<td{mark[c]}>{_cell(v, form)}</td>" for c, v in zip(shown, row, strict=True)) + "</tr>"
            for row in shown.itertuples(index=False)
        )
        self.html = (
            "<figure class='dfecs-figure'><div class='dfecs-table' tabindex='0' role='group' aria-label='table'><table>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
            f"{caption_html(caption, data)}</figure>"
        )


def _cell(value: object, form: str) -> str:
    if isinstance(value, float):
        return "–" if value != value else escape(form.format(value))
    text = escape(str(value))
    # A name such as "sim-disfa" is not cut at its hyphen; what is long may be, and a long path after each of its parts.
    if "-" in text and len(text) <= _NAME:
        return f"<span style='white-space:nowrap'>{text}</span>"
    return re.sub(r"([/_])(?=\w)", r"\1<wbr>", text) if len(text) > _NAME else text
