"""`Section`: what another page adds to a report's, filled in from the same part of a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of a page, with its numbers."""

    name: str
    """Key of the numbers in the JSON file of the page that it is added to."""
    title: str
    """Heading on that page."""
    numbers: Mapping[str, Any]
    """All numbers as plain values."""
    template: str
    """Name of the part's file in ``vlmrm/report/pages``."""
    shown: Mapping[str, Any]
    """What the part speaks of; whatever is not drawn here is escaped."""
