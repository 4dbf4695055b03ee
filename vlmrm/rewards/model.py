"""`RewardModel`: an encoder and a spec. Frames go in, one reward per frame comes out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.registry import load_encoder
from vlmrm.errors import SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.judges import Judge
from vlmrm.prompts import PromptSet
from vlmrm.rewards.build import BuiltReward, build_reward
from vlmrm.rewards.explain import explain
from vlmrm.rewards.features.frame_features import FrameFeatures, features_of
from vlmrm.rewards.features.judged import JudgedFeatures
from vlmrm.rewards.pairs import PairScorer
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.stream import RewardStream, episode_rewards
from vlmrm.types import Embeddings, Rewards

_NO_GOAL = (
    "this reward has no goal (prompts is None), so that only score_pairs(images, texts) works. Give its spec prompts, "
    "or RewardSpec.clip_score a goal."
)
_LOOKS_BACK = (
    "this reward looks back at earlier frames, so that one frame alone has none. Use score_episode(frames) for the "
    "frames of an episode in order, or explain(frames) for the score of each frame by itself."
)
_NO_STD = (
    "nothing is known of how unsure this reward is. vlmrm.fitting.fit_uncertainty(reward, frames, path) returns one "
    "that knows, and so does uncertainty with an ensemble in the spec."
)
AnySpec = RewardSpec | str | Path
"""A spec, or the name of its file."""


class RewardModel:
    """Scores frames by how well they show the goal; the sentences are embedded once, when the model is made.

    Frames are uint8 RGB (n, h, w, 3) or one (h, w, 3): an array, a tensor, or a sequence of frames of one size.

    Args:
        encoder: Turns frames and sentences into unit vectors.
        spec: Everything else that decides the reward; its `encoder` field is the name of the encoder given.
        judge: Judge to use instead of the one named in the spec. None: load that one.

    Raises:
        PromptError: If the sentences make no reward: goal and baseline, say, have the same embedding.
        SpecError: If the head misses an option that the encoder has no value of its own for.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> frames = [env.render() for _ in range(3)]
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> reward.score(frames).shape, reward.score_episode(frames).shape
        (torch.Size([3]), torch.Size([2]))
    """

    def __init__(self, encoder: Encoder, spec: RewardSpec, judge: Judge | None = None) -> None:
        self.encoder, self.spec = encoder, spec
        self.pairs = PairScorer(encoder, spec)
        """What `score_pairs` asks; for callers that embed pictures once and score them with many texts."""
        self._built = build_reward(encoder, spec, judge)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) or name not in ("encoder", "spec", "pairs", "_built"):
            raise AttributeError(f"{name} of a reward cannot be set; with_spec(...) returns another reward.")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        said = None if self.spec.prompts is None else self.spec.prompts.goal
        return f"RewardModel({self.spec.encoder!r}, head={self.spec.head!r}, goal={said!r})"

    @classmethod
    def from_spec(
        cls, spec: AnySpec, *, device: str | None = None, precision: str | None = None, batch_size: int | None = None
    ) -> "RewardModel":
        """Load the encoder and the judge of a spec, or of its ``.toml`` or ``.json`` file; see `load_encoder`."""
        spec = RewardSpec.load(spec) if isinstance(spec, str | Path) else spec
        encoder = load_encoder(
            spec.encoder, device=device, precision=precision, resize_mode=spec.resize_mode, batch_size=batch_size
        )
        return cls(encoder, spec, None if spec.judge is None else spec.judge.load(device))

    @classmethod
    def load(
        cls,
        encoder: str,
        prompts: PromptSet | Mapping[str, Any] | str,
        *,
        head: str = "projection",
        alpha: float | None = None,
        device: str | None = None,
        precision: str | None = None,
    ) -> "RewardModel":
        """Return a reward from the name of an encoder and some sentences; arguments as in `RewardSpec`."""
        said = {"encoder": encoder, "prompts": prompts, "head": head} | ({} if alpha is None else {"alpha": alpha})
        return cls.from_spec(RewardSpec.from_dict(said), device=device, precision=precision)

    def with_spec(self, spec: RewardSpec) -> "RewardModel":
        """Return the reward of another spec, with the same encoder, and with the judge that was loaded for this one."""
        asked = None if self._built is None else self._built.context.judged
        if spec.judge is None or self.spec.judge is None or asked is None:
            return type(self)(self.encoder, spec)
        return type(self)(self.encoder, spec, self.spec.judge.reuse(asked.judge, spec.judge))

    @property
    def _goal(self) -> BuiltReward:
        if self._built is None:
            raise SpecError(_NO_GOAL)
        return self._built

    @property
    def capture(self) -> Preprocessing | None:
        """How frames may be shrunk before they are scored; None: not at all, since another model looks at them too."""
        return None if self.spec.asks_a_model else self.pairs.preprocessing

    @property
    def name(self) -> str:
        """The name of the encoder."""
        return self.spec.encoder

    @property
    def fingerprint(self) -> str:
        """Which weights, preprocessing and crops the reward reads frames with."""
        return self.pairs.fingerprint if self._built is None else self._built.context.extractor.fingerprint

    @property
    def judged(self) -> JudgedFeatures | None:
        """What asks the judge, and counts how often: ``asked`` of ``seen``; None: there is no judge."""
        return self._goal.context.judged

    def read(self, frames: Any) -> FrameFeatures:
        """Return what there is to know of each frame: the heavy part of a reward, in any batch."""
        return self._goal.read(as_frames(frames))

    def embed(self, frames: Any) -> Embeddings:
        """Return the unit-length embeddings of frames, of crops their mean; nothing else is read of them."""
        return self._goal.context.embedder.read(as_frames(frames)).embeddings

    def score(self, frames: Any) -> Rewards:
        """Return the score of each frame, of frames or of what `read` returned."""
        if self.spec.over_time is not None:
            raise SpecError(_LOOKS_BACK)
        return self._goal.context.score(features_of(frames, self.read))

    def score_with_std(self, frames: Any) -> tuple[Rewards, Rewards]:
        """Return the score of each frame and its standard deviation, where the spec has an ``uncertainty``."""
        seen = features_of(frames, self.read)
        scores, std = self.score(seen), self._goal.context.score.std(seen)
        if std is None:
            raise SpecError(_NO_STD)
        return scores, std

    def score_pairs(self, images: Any, texts: Sequence[str], *, rivals: str | None = None) -> Float[Tensor, "n k"]:
        """Return the score of every picture with every text, each text in the goal's place; see `pairs`.

        Args:
            images: Pictures, embedded once.
            texts: Sentences; their embeddings are kept.
            rivals: ``texts``: of the head softmax, the other texts are rivals too, so that no call can be cut by texts.
                ``pictures``: each picture competes with the others for a text, so that none can be cut by pictures.
        """
        return self.pairs(as_frames(images), list(texts), rivals)

    def explain(self, frames: Any) -> dict[str, Tensor]:
        """Return what each score is made of, by name; for a reward that looks back, frames are those of one episode."""
        return explain(self._goal.context, self._goal.over_time, features_of(frames, self.read))

    def score_episode(self, frames: Any, *, terminated: bool = False) -> Rewards:
        """Return the rewards of the steps of an episode, one fewer than there are frames.

        Args:
            frames: The first frame and the frame after each step, in order.
            terminated: Whether the last step ended the episode other than by a time limit.
        """
        frames = as_frames(frames)
        if self._goal.over_time.needs_history:
            return episode_rewards(self._goal.over_time, self.read(frames), terminated=terminated)
        return self.score(frames[1:]) if len(frames) > 1 else torch.zeros(0)

    def stream(self, num_envs: int) -> RewardStream:
        """Return what rewards so many episodes side by side as they happen; give it what `read` returns."""
        return RewardStream(self._goal.over_time, num_envs)
