"""Gymnasium wrappers.

- `CaptureFrame`: the frame of every step in ``info["frame"]``.
- `VLMReward`: one environment, rewarded for what its frames show. For vector environments:
  `vlmrm.wrappers.vector.VLMReward`.
- `RenderMujoco`: pictures of MuJoCo environments, from a camera and in a quality of one's choice.
- `JudgeSuccess`: success judged on the simulator's own state.
- `RewardGoal`: 1 for each step in the goal, to compare a text reward with.

Importing this lets MuJoCo and pygame draw without a display (`headless`).
"""

from typing import TYPE_CHECKING, Any

from vlmrm.lazy import load_lazily
from vlmrm.rendering.headless import render_offscreen

if TYPE_CHECKING:
    from vlmrm.rendering.mujoco import RenderMujoco
    from vlmrm.wrappers.capture_frame import CaptureFrame
    from vlmrm.wrappers.judge_success import JudgeSuccess
    from vlmrm.wrappers.reward_goal import RewardGoal
    from vlmrm.wrappers.vlm_reward import VLMReward

__all__ = ["CaptureFrame", "JudgeSuccess", "RenderMujoco", "RewardGoal", "VLMReward"]

_LAZY = {
    "CaptureFrame": "vlmrm.wrappers.capture_frame",
    "JudgeSuccess": "vlmrm.wrappers.judge_success",
    "RenderMujoco": "vlmrm.rendering.mujoco",
    "RewardGoal": "vlmrm.wrappers.reward_goal",
    "VLMReward": "vlmrm.wrappers.vlm_reward",
}

render_offscreen()


def __getattr__(name: str) -> Any:
    """Load each part when it is first asked for: workers that only take pictures need no reward model."""
    return load_lazily(__name__, _LAZY, name)
