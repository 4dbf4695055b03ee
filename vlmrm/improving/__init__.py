"""Improving a reward while an agent trains on it: frames are proposed, labelled and fitted, and training goes on.

- `improve`: carries out the rounds; started again, it goes on with what is there.
- `ImproveOptions`: how many frames, who labels them, and what is fitted.
- `Improvement`: what came of it, as numbers and on one page; `Round` is one round of it.
- `Correction`, `Judged`: the reward before and after a round, on labels that were kept aside.
"""

from typing import TYPE_CHECKING, Any

from vlmrm.improving.options import ImproveOptions
from vlmrm.lazy import load_lazily

if TYPE_CHECKING:
    from vlmrm.improving.correcting import Correction, Judged
    from vlmrm.improving.improvement import Improvement, Round
    from vlmrm.improving.loop import improve

__all__ = ["Correction", "ImproveOptions", "Improvement", "Judged", "Round", "improve"]

_LAZY = {
    "Correction": "vlmrm.improving.correcting",
    "Improvement": "vlmrm.improving.improvement",
    "Judged": "vlmrm.improving.correcting",
    "Round": "vlmrm.improving.improvement",
    "improve": "vlmrm.improving.loop",
}


def __getattr__(name: str) -> Any:
    """Load the parts that need torch when they are first asked for."""
    return load_lazily(__name__, _LAZY, name)
