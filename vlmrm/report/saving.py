"""`save_page`: a page and the same numbers as JSON, side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlmrm.atomic import whole_file, write_json
from vlmrm.errors import SpecError


def save_page(path: str | Path, page: str, numbers: Mapping[str, Any]) -> Path:
    """Write a page, and its numbers under the same name with ``.json``; each is whole or not there.

    Args:
        path: A file whose name ends in ``.html``.
        page: What is on the page.
        numbers: Plain values.

    Raises:
        SpecError: If the name ends otherwise.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise SpecError(f"a report is saved as a page: a file whose name ends in .html; got {path}.")
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    write_json(path.with_suffix(".json"), numbers)
    return path
