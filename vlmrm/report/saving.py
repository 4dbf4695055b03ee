"""`Page`: a page and the same numbers as JSON, side by side."""

from abc import ABC, abstractmethod
from html import escape
from pathlib import Path
from typing import Any

from vlmrm.atomic import whole_file, write_json
from vlmrm.errors import SpecError


class Page(ABC):
    """What has a page and numbers: it saves both, and shows itself in a notebook."""

    @abstractmethod
    def html(self) -> str:
        """Return the page, one file that needs no other."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""

    def save(self, path: str | Path) -> Path:
        """Write the page, and its numbers under the same name with ``.json``; each is whole or not there.

        Args:
            path: A file whose name ends in ``.html``.

        Raises:
            SpecError: If it ends otherwise.
        """
        path = Path(path)
        if path.suffix != ".html":
            raise SpecError(f"a report is saved as a page: a file whose name ends in .html; got {path}.")
        with whole_file(path) as unfinished:
            unfinished.write_text(self.html(), encoding="utf-8")
        write_json(path.with_suffix(".json"), self.to_dict())
        return path

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html())}" style="width:100%;height:700px;border:0"></iframe>'
