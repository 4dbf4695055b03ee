"""Rewards from language: vision-language models as reward models for reinforcement learning.

- `PromptSet`: the sentences that say what is wanted, and what the plain scene looks like.
- `RewardSpec`: everything that defines a reward, as a small record that can be saved and hashed.
- `RewardModel`: an encoder and a head; frames in, rewards out.
- `VlmrmError`: the root of every error this package raises on purpose.

Wrappers for Gymnasium are in `vlmrm.wrappers`, for vector environments in `vlmrm.wrappers.vector`,
for Stable-Baselines3 in `vlmrm.agents`. Importing `vlmrm` loads neither torch nor open_clip.
"""

from typing import TYPE_CHECKING, Any

from vlmrm.errors import VlmrmError
from vlmrm.lazy import load_lazily
from vlmrm.prompts import PromptSet

if TYPE_CHECKING:
    from vlmrm.rewards.model import RewardModel
    from vlmrm.rewards.spec import RewardSpec

__version__ = "0.1.0"

__all__ = ["PromptSet", "RewardModel", "RewardSpec", "VlmrmError", "__version__"]

_LAZY = {"RewardModel": "vlmrm.rewards.model", "RewardSpec": "vlmrm.rewards.spec"}


def __getattr__(name: str) -> Any:
    """Load the parts that need torch when they are first asked for."""
    return load_lazily(__name__, _LAZY, name)
