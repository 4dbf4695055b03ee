"""A world small enough to know every number by heart.

`CountingEnv` paints its picture red, a little more with every step, and `ColourEncoder` reads colours. With the goal
"red" and alpha 0 the reward of a frame is its share of red, from which `steps_shown` reads back the step: a frame of
the wrong step or episode shows at once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from torch import Tensor

from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.prompts import PromptSet
from vlmrm.rewards import FunctionReward, RewardModel, RewardSpec

RED_PER_STEP = 20
UNSCORED = -1
SIZE_PX = 8
COLOURS = {
    "red": (1, 0, 0, 0),
    "green": (0, 1, 0, 0),
    "blue": (0, 0, 1, 0),
    "black": (0, 0, 0, 1),
    "grey": (1, 1, 1, 0),
}


class CountingEnv(gym.Env[np.ndarray, Any]):
    """The frame after step t is ``red = (t + 1) * RED_PER_STEP``, green 0, blue 0; its own reward is -t.

    Args:
        lengths: Steps of the first, second … episode, then from the start again; at most 11 (red ends at 255).
        ends_by: "truncated" or "terminated".
        size: Height and width of the picture.
        continuous: A Box action instead of two buttons; actions change nothing either way.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array", "rgb_array_list", "human"], "render_fps": 10}

    def __init__(
        self,
        lengths: Sequence[int] = (3,),
        ends_by: str = "truncated",
        size: tuple[int, int] = (SIZE_PX, SIZE_PX),
        continuous: bool = False,
        render_mode: str | None = "rgb_array",
    ) -> None:
        self.lengths, self.ends_by, self.size, self.render_mode = tuple(lengths), ends_by, size, render_mode
        self.observation_space = Box(0, 20, (1,), np.float32)
        self.action_space = Box(-1, 1, (1,), np.float32) if continuous else Discrete(2)
        self.episode, self.t = -1, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.episode, self.t = self.episode + 1, 0
        return self._observe(), {"state": {"t": 0.0}}

    def step(self, action: Any):
        self.t += 1
        ended = self.t >= self.lengths[self.episode % len(self.lengths)]
        terminated, truncated = ended and self.ends_by == "terminated", ended and self.ends_by == "truncated"
        return self._observe(), -float(self.t), terminated, truncated, {"state": {"t": float(self.t)}}

    def render(self) -> Any:
        frame = np.zeros((*self.size, 3), np.uint8)
        frame[..., 0] = (self.t + 1) * RED_PER_STEP
        return [frame] if self.render_mode == "rgb_array_list" else frame

    def _observe(self) -> np.ndarray:
        return np.array([self.t], np.float32)


class ColourEncoder:
    """Embeds a picture as its mean colour and a sentence as the last colour it names, else as grey.

    A colour (r, g, b) becomes the unit vector (r, g, b, rest), so that the cosine of a frame with "red" is its share
    of red. It counts how often it was asked and refuses to be copied, as a model of a gigabyte would like to.
    """

    name, fingerprint, dim, size_px, logit_scale, logit_bias = "colour", "colours", 4, SIZE_PX, 1.0, 0.0
    domain = None

    def __init__(self) -> None:
        self.batches: list[int] = []
        """Number of frames of each call."""

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing(size_px=SIZE_PX, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def embed_frames(self, frames: Tensor) -> Tensor:
        self.batches.append(len(frames))
        colour = self.preprocessing.resize(frames).double().mean(dim=(1, 2)) / 255  # n 3
        rest = (1 - colour.square().sum(dim=1, keepdim=True)).clamp(min=0).sqrt()
        return torch.nn.functional.normalize(torch.cat([colour, rest], dim=1), dim=1).float()

    def embed_texts(self, texts: list[str]) -> Tensor:
        named = [([COLOURS["grey"]] + [COLOURS[w] for w in text.lower().split() if w in COLOURS])[-1] for text in texts]
        return torch.nn.functional.normalize(torch.tensor(named, dtype=torch.float32), dim=1)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ColourEncoder":
        raise RuntimeError("an encoder was copied")


class ColourClipEncoder(ColourEncoder):
    """Embeds a clip of three frames as the mean of their colours, each counting twice as much as the one before."""

    clip_frames = 3

    def embed_clips(self, clips: Tensor) -> Tensor:
        rows = self.embed_frames(clips.flatten(0, 1)).reshape(len(clips), self.clip_frames, -1)
        return torch.nn.functional.normalize(torch.tensor([1.0, 2.0, 4.0]) @ rows, dim=1)


def red_spec(**words: Any) -> RewardSpec:
    """Reward = share of red, and what other words of the spec make of it."""
    return RewardSpec(**{"encoder": "colour", "prompts": PromptSet("red"), "alpha": 0.0} | words)


def red_reward(**words: Any) -> RewardModel:
    """The reward of `red_spec`, with an encoder of its own that counts its calls."""
    return RewardModel(ColourEncoder(), red_spec(**words))


def unit(n: int, d: int = 8, seed: int = 0) -> Tensor:
    """Random unit vectors, one per row."""
    vectors = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return vectors / vectors.norm(dim=1, keepdim=True)


def random_colours(count: int, seed: int = 0) -> Tensor:
    """Frames of one random colour each."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(0, 256, (count, 1, 1, 3), generator=generator, dtype=torch.uint8)
    return colours.expand(-1, SIZE_PX, SIZE_PX, 3).contiguous()


def red_function() -> FunctionReward:
    """Share of red as a function of frames: the numbers of `red_reward` without a spec."""
    return FunctionReward(lambda frames: frames[..., 0].float().mean(dim=(1, 2)) / 255, name="red")


def steps_shown(rewards: Iterable[float]) -> list[float]:
    """The step of `CountingEnv` that each rewarded frame shows: 0 for a reset frame, `UNSCORED` for a reward of 0."""
    return [round(255 * float(reward) / RED_PER_STEP, 3) - 1 for reward in rewards]
