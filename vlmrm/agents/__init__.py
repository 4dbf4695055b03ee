"""Agents of Stable-Baselines3, rewarded by pictures.

- `VecVLMReward`: scores every step as it happens; for any algorithm.
- `RelabelCallback`: scores whole rollouts in large batches; for off-policy and on-policy algorithms.
- `LogRewards`: logs what `VecVLMReward` and `VLMReward` pay, as `RelabelCallback` does by itself.
"""

from typing import TYPE_CHECKING, Any

from vlmrm.lazy import load_lazily

if TYPE_CHECKING:
    from vlmrm.agents.log_rewards import LogRewards
    from vlmrm.agents.relabel import RelabelCallback
    from vlmrm.agents.vec_reward import VecVLMReward

__all__ = ["LogRewards", "RelabelCallback", "VecVLMReward"]

_LAZY = {
    "LogRewards": "vlmrm.agents.log_rewards",
    "RelabelCallback": "vlmrm.agents.relabel",
    "VecVLMReward": "vlmrm.agents.vec_reward",
}


def __getattr__(name: str) -> Any:
    """Load each part when it is first asked for."""
    return load_lazily(__name__, _LAZY, name)
