"""Search: which sentence, camera or form of a reward separates goal frames best, on labelled frames.

- `LabelledParts`: one part of the labels to search on, the other to judge what was found.
- `search_prompts`, `optimise_prompts`: sentences from tables, or from a language model.
- `search_camera`: views of a MuJoCo task.
- `search_rewards`: heads, alphas, few labelled frames, crops, and other encoders.
- `SearchResult`, `Found`: what was tried, the best first; the winner is written as a spec.
"""

from typing import TYPE_CHECKING, Any

from vlmrm.lazy import load_lazily

if TYPE_CHECKING:
    from vlmrm.search.camera import search_camera
    from vlmrm.search.found import Found, SearchResult
    from vlmrm.search.prompts import PromptSearch, optimise_prompts, search_prompts
    from vlmrm.search.proposer import LanguageModel
    from vlmrm.search.rewards import RewardSearch, search_rewards
    from vlmrm.search.split import LabelledParts
    from vlmrm.search.views import CameraSearch

__all__ = [
    "CameraSearch",
    "Found",
    "LabelledParts",
    "LanguageModel",
    "PromptSearch",
    "RewardSearch",
    "SearchResult",
    "optimise_prompts",
    "search_camera",
    "search_prompts",
    "search_rewards",
]

_LAZY = {
    "CameraSearch": "vlmrm.search.views",
    "Found": "vlmrm.search.found",
    "LabelledParts": "vlmrm.search.split",
    "LanguageModel": "vlmrm.search.proposer",
    "PromptSearch": "vlmrm.search.prompts",
    "RewardSearch": "vlmrm.search.rewards",
    "SearchResult": "vlmrm.search.found",
    "optimise_prompts": "vlmrm.search.prompts",
    "search_camera": "vlmrm.search.camera",
    "search_prompts": "vlmrm.search.prompts",
    "search_rewards": "vlmrm.search.rewards",
}


def __getattr__(name: str) -> Any:
    """Load each search when it is first asked for."""
    return load_lazily(__name__, _LAZY, name)
