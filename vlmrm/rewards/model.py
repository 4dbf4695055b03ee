"""`RewardModel`: an encoder and a head. Frames go in, one reward per frame comes out."""

from dataclasses import replace
from typing import Any, Literal, overload

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder, finite
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import SpecError
from vlmrm.frames import as_frames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.judges import YesNoJudge
from vlmrm.prompts import PromptSet
from vlmrm.rewards.build import build_head, build_step_head
from vlmrm.rewards.clips import ClipSteps, pixel_rows
from vlmrm.rewards.disagreement import ViewRows, require_views
from vlmrm.rewards.doubt import DisagreementOptions, PosteriorOptions
from vlmrm.rewards.fitting import FittedReward
from vlmrm.rewards.frame_noise import NoisyFrames, load_noise, std_of
from vlmrm.rewards.gate import Judge, JudgedFrames, find_gate
from vlmrm.rewards.projection import ProjectionHead, project_alphas
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.stream import RewardStream
from vlmrm.types import Embeddings, Rewards


class RewardModel(FittedReward):
    """Scores frames by how well they show the goal.

    The sentences are embedded once, when the model is made.

    Args:
        encoder: Turns frames and sentences into unit vectors.
        spec: What to reward; its `encoder` field is the name of the encoder given.
        judge: Who is asked where the spec names a judge; None: the `YesNoJudge` of that name is loaded.

    Raises:
        PromptError: The sentences make no reward: goal and baseline, say, have the same embedding.
        SpecError: The head misses an option that the encoder has no value of its own for.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> reward.score(env.render()).shape
        torch.Size([1])
    """

    def __init__(self, encoder: Encoder, spec: RewardSpec, judge: Judge | None = None) -> None:
        views, encoder = spec.views_options(), encoder.encoder if isinstance(encoder, ViewEncoder) else encoder
        if views is not None:
            encoder = ViewEncoder(encoder, scales=views.scales, positions=views.positions)
        super().__init__(encoder, spec)
        unsure = spec.uncertainty_options()
        self._rows: NoisyFrames | ViewRows | JudgedFrames | None = None
        if isinstance(unsure, PosteriorOptions):
            self._rows = NoisyFrames(encoder, load_noise(unsure))
        elif isinstance(unsure, DisagreementOptions) and unsure.ensemble == "views":
            self._rows = ViewRows(require_views(encoder))
        self.head = build_head(encoder, spec)
        """Scores single frames."""
        self.step_head = build_step_head(encoder, spec, self.head)
        """Makes the rewards of steps."""
        gate, named, self._judge = find_gate(self.head), spec.judge_options(), judge
        self.judged: JudgedFrames | None = None
        """Asks the judge, and counts how often; None: there is none."""
        if judge is not None and named is None:
            raise SpecError("a judge was given, and the spec does not say above which score to ask. Add judge to it.")
        if gate is not None and named is not None:
            asked = judge if judge is not None else YesNoJudge.load(named.model, named.question)
            self._judge = asked
            self._rows = self.judged = JudgedFrames(encoder, gate.head, asked, gate.above)

    @classmethod
    def load(
        cls,
        encoder: str,
        prompts: PromptSet,
        *,
        alpha: float | None = None,
        device: str | None = None,
        precision: str | None = None,
    ) -> "RewardModel":
        """A reward from the name of an encoder and some sentences.

        Args:
            encoder: As in `RewardSpec.encoder`.
            prompts: Goal and baseline.
            alpha: Share of the projection, 0 to 1; None: 0.5, and 0 without a baseline.
            device: ``cpu``, ``cuda`` …; None: the best one there is.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        """
        spec = RewardSpec(encoder=encoder, prompts=prompts)
        return (spec if alpha is None else replace(spec, alpha=alpha)).build(device, precision=precision)

    def with_spec(self, spec: RewardSpec) -> "RewardModel":
        """The reward of another spec, with the same encoder, and with the same judge where it names the same."""
        then, now, judge = self.spec.judge_options(), spec.judge_options(), None
        if then is not None and now is not None and then.model == now.model:
            judge = self._judge
            if then.question != now.question:
                judge = judge.asking(now.question) if isinstance(judge, YesNoJudge) else None
        return type(self)(self.encoder, spec, judge)

    @property
    def capture_preprocessing(self) -> Preprocessing | None:
        """How frames may be shrunk before they are scored; None: not at all, since a judge looks at them too."""
        return self.encoder.preprocessing if self.judged is None else None

    def embed(self, frames: Any) -> Embeddings:
        """Embed frames, for several heads to share.

        Rows are longer where uncertainty is known (see `frame_noise` and `disagreement`) or a judge is asked (see
        `gate`).

        Args:
            frames: uint8 RGB (n, h, w, 3) or one (h, w, 3); array, tensor, or a sequence of frames of one size.

        Raises:
            FrameError: The frames are not what is said above.
            EncoderError: The encoder returned NaN or infinity.
        """
        embed = self.encoder.embed_frames if self._rows is None else self._rows.rows
        return finite(self.encoder, embed(as_frames(frames)))

    @overload
    def score(self, frames: Any) -> Rewards: ...
    @overload
    def score(self, frames: Any, *, return_std: Literal[True]) -> tuple[Rewards, Rewards]: ...
    def score(self, frames: Any, *, return_std: bool = False) -> Rewards | tuple[Rewards, Rewards]:
        """Reward of each frame: `embed`, then the head.

        Args:
            frames: As `embed` takes them.
            return_std: Return the standard deviation of each as well, where `fit_uncertainty` has found one.

        Raises:
            SpecError: The reward of a step needs more than the frame after it, or its uncertainty is not known.
        """
        if self.step_head.looks_back:
            raise SpecError(
                "this reward looks back at earlier frames, so that one frame alone has none. Use score_episode(frames) "
                "for the frames of an episode in order, or head(embed(frames)) for the score of each frame by itself."
            )
        rows = self.embed(frames)
        return (self.head(rows), std_of(self.head, rows)) if return_std else self.head(rows)

    def measure(self, frames: Any) -> Float[Tensor, "n k"]:
        """What the rewards of steps need to know of each frame; the heavy part, in any batch.

        Args:
            frames: As `embed` takes them.
        """
        clips = isinstance(self.step_head, ClipSteps)
        return self.step_head.measure(pixel_rows(self.encoder, frames) if clips else self.embed(frames))

    def score_episode(self, frames: Any, *, terminated: bool = False) -> Rewards:
        """Rewards of the steps of an episode, or of its beginning.

        Args:
            frames: The first frame and the frame after each step, in order, as `embed` takes them.
            terminated: Whether the last step ended the episode other than by a time limit.

        Returns:
            One reward per step, one fewer than there are frames.

        Example:
            >>> import gymnasium as gym
            >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
            >>> _ = env.reset(seed=0)
            >>> frames = [env.render()]
            >>> for _ in range(4):
            ...     _ = env.step(0)
            ...     frames.append(env.render())
            >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
            >>> reward.score_episode(frames).shape
            torch.Size([4])
        """
        frames = as_frames(frames)
        if self.step_head.looks_back:
            return self.step_head.rewards(self.measure(frames), terminated=terminated)
        return self.head(self.embed(frames[1:])) if len(frames) > 1 else torch.zeros(0)

    def stream(self, num_envs: int) -> RewardStream:
        """Rewards of episodes as they happen; give it what `measure` returns.

        Args:
            num_envs: How many episodes run side by side.
        """
        return RewardStream(self.step_head, num_envs)

    def score_alphas(self, frames: Any, alphas: list[float]) -> Float[Tensor, "a n"]:
        """Rewards of the same frames for several alphas, at the cost of one.

        Raises:
            SpecError: An alpha lies outside 0 to 1, or one is not 0 and there is no baseline, or the head is another
                than the projection.
        """
        for alpha in alphas:
            replace(self.spec, alpha=alpha)
        if not self.spec.compares_alphas or not isinstance(self.head, ProjectionHead):
            raise SpecError(
                f"several alphas are those of a plain projection; this reward has head={self.spec.head!r}, "
                f"threshold={self.spec.threshold} and over_time={self.spec.over_time}. Use score()."
            )
        embeddings = self.embed(frames)
        if self.head.baseline is None:
            return self.head(embeddings).expand(len(alphas), -1)
        return project_alphas(embeddings, self.head.goal, self.head.baseline, torch.tensor(alphas))
