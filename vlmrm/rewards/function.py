"""`FunctionReward`: a user's own function of frames as a reward."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vlmrm.errors import FrameError
from vlmrm.frames.batch import as_frames
from vlmrm.rewards.features.frame_features import FrameFeatures, features_of
from vlmrm.rewards.over_time.plain import PlainSteps
from vlmrm.rewards.stream import RewardStream
from vlmrm.types import Frames, Rewards


class FunctionReward:
    """Rewards frames by a function, wherever a `RewardModel` does.

    It has no spec: a run notes the function's name, and resuming one or `gymnasium.make(env.spec)` asks for it again.

    Args:
        function: From uint8 frames (n, h, w, 3) as a tensor to n numbers, in any batch.
        name: What to call it where it is reported. None: the function's own name.

    Example:
        >>> red = FunctionReward(lambda frames: frames[..., 0].float().mean(dim=(1, 2)) / 255, name="red")
        >>> red.score(torch.full((1, 8, 8, 3), 255, dtype=torch.uint8))
        tensor([1.])
    """

    capture = None
    """Frames are scored as they are drawn."""
    spec = None
    """No file can hold a function."""
    fingerprint = None
    """Nothing is known of what the function reads with."""

    def __init__(self, function: Callable[[Frames], Any], *, name: str | None = None) -> None:
        self._function = function
        named = function if hasattr(function, "__qualname__") else type(function)  # a module or a partial has no name
        self.name: str = name or f"{named.__module__}.{named.__qualname__}"
        """Name for reports, and for the message that asks for the function again."""
        self._over_time = PlainSteps(self.score)

    def __repr__(self) -> str:
        return f"FunctionReward({self.name})"

    def read(self, frames: Any) -> FrameFeatures:
        """Return the function's values as the features of the frames.

        Args:
            frames: uint8 RGB (n, h, w, 3) or one (h, w, 3); array, tensor, or a sequence of frames of one size.

        Raises:
            FrameError: If the frames are not that, or the function does not return one finite number for each.
        """
        batch = as_frames(frames)
        values = torch.as_tensor(self._function(batch)).detach().to("cpu", torch.float32)
        if values.numel() != len(batch) or not bool(values.isfinite().all()):
            raise FrameError(
                f"the reward {self.name} gave {_described(values, len(batch))} frames. It must give one finite number "
                "for each."
            )
        return FrameFeatures(embeddings=torch.zeros(len(batch), 0), extra={"value": values.reshape(len(batch))})

    def score(self, frames: Any) -> Rewards:
        """Return the value of each frame, of frames or of what `read` returned."""
        return features_of(frames, self.read).extra["value"]

    def explain(self, frames: Any) -> dict[str, Tensor]:
        """Return the value of each frame in one column."""
        return {"score": self.score(frames)}

    def score_episode(self, frames: Any, *, terminated: bool = False) -> Rewards:
        """Return the rewards of the steps of an episode, one fewer than there are frames.

        Args:
            frames: The first frame and the frame after each step.
            terminated: Not looked at.
        """
        return self.score(frames)[1:]

    def stream(self, num_envs: int) -> RewardStream:
        """Return what rewards episodes as they happen.

        Args:
            num_envs: Number of episodes that run side by side.
        """
        return RewardStream(self._over_time, num_envs)


def _described(values: Tensor, frames: int) -> str:
    if values.numel() != frames:
        return f"numbers of shape {tuple(values.shape)} for {frames}"
    return f"NaN or infinity for {int((~values.isfinite()).sum())} of {frames}"
