"""`RewardModel`: an encoder and a head. Frames go in, one reward per frame comes out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import SpecError
from vlmrm.frames import as_frames
from vlmrm.prompts import PromptSet
from vlmrm.rewards.bank import find_support
from vlmrm.rewards.build import build_head, build_step_head, finite
from vlmrm.rewards.few_shot_layer import few_shot_table
from vlmrm.rewards.projection import ProjectionHead, project_alphas, unit_mean
from vlmrm.rewards.scaling import mean_and_spread
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.stream import RewardStream
from vlmrm.rewards.threshold import threshold_for
from vlmrm.types import Embeddings, Rewards


class RewardModel:
    """Scores frames by how well they show the goal.

    The sentences are embedded once, when the model is made.

    Args:
        encoder: Turns frames and sentences into unit vectors.
        spec: What to reward; its `encoder` field is the name of the encoder given.

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

    def __init__(self, encoder: Encoder, spec: RewardSpec) -> None:
        views = spec.views_options()
        if views is not None and not isinstance(encoder, ViewEncoder):
            encoder = ViewEncoder(encoder, scales=views.scales, positions=views.positions)
        self.encoder = encoder
        """Embeds frames and sentences; where the spec asks for views, one that sees several crops."""
        self.spec = spec
        self.head = build_head(encoder, spec)
        """Scores single frames."""
        self.step_head = build_step_head(spec, self.head)
        """Makes the rewards of steps."""

    @classmethod
    def load(
        cls,
        encoder: str,
        prompts: PromptSet,
        *,
        alpha: float = 0.5,
        device: str | None = None,
        precision: str | None = None,
    ) -> "RewardModel":
        """A reward from the name of an encoder and some sentences.

        Args:
            encoder: As in `RewardSpec.encoder`.
            prompts: Goal and baseline.
            alpha: Share of the projection, 0 to 1.
            device: ``cpu``, ``cuda`` …; None: the best one there is.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        """
        return RewardSpec(encoder=encoder, prompts=prompts, alpha=alpha).build(device, precision=precision)

    def embed(self, frames: Any) -> Embeddings:
        """Embed frames, for several heads to share.

        Args:
            frames: uint8 RGB (n, h, w, 3) or one (h, w, 3); array, tensor, or a sequence of frames of one size.

        Raises:
            FrameError: The frames are not what is said above.
            EncoderError: The encoder returned NaN or infinity.
        """
        return finite(self.encoder, self.encoder.embed_frames(as_frames(frames)))

    def score(self, frames: Any) -> Rewards:
        """Reward of each frame: `embed`, then the head.

        Args:
            frames: As `embed` takes them.

        Raises:
            SpecError: The reward of a step needs more than the frame after it.
        """
        if self.step_head.looks_back:
            raise SpecError(
                "this reward looks back at earlier frames, so that one frame alone has none. Use score_episode(frames) "
                "for the frames of an episode in order, or head(embed(frames)) for the score of each frame by itself."
            )
        return self.head(self.embed(frames))

    def measure(self, frames: Any) -> Float[Tensor, "n k"]:
        """What the rewards of steps need to know of each frame; the heavy part, in any batch.

        Args:
            frames: As `embed` takes them.
        """
        return self.step_head.measure(self.embed(frames))

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

    def fit(
        self, frames: Any, labels: Any = None, *, method: str = "proker", options: Mapping[str, Any] | None = None
    ) -> "RewardModel":
        """A reward that a handful of labelled frames have corrected, in closed form.

        Args:
            frames: As `embed` takes them; three of success and three of failure are enough for a start.
            labels: 1 success, 0 failure, or the progress in between, for each frame. None: all show the goal, which
                only the method ``goal_pictures`` can use.
            method: ``proker``, ``tip_adapter`` or ``prototypes`` correct what the sentences say; ``goal_pictures`` take
                their place. See `vlmrm.rewards.few_shot`.
            options: Of the method.

        Returns:
            A reward with the frames in its spec, and without the threshold and the scaling of this one, which belong to
            other scores.

        Raises:
            SpecError: The labels do not fit or are all the same, there is no such method, or an option is impossible.

        Example:
            >>> import gymnasium as gym
            >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
            >>> _ = env.reset(seed=0)
            >>> up = env.render()
            >>> for _ in range(9):
            ...     _ = env.step(0)
            >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
            >>> fitted = reward.fit([up, env.render()], [1, 0])
            >>> bool(fitted.score(up) > fitted.score(env.render()))
            True
        """
        return self.fit_embeddings(self.embed(frames), labels, method=method, options=options)

    def fit_embeddings(
        self,
        embeddings: Embeddings,
        labels: Any = None,
        *,
        method: str = "proker",
        options: Mapping[str, Any] | None = None,
    ) -> "RewardModel":
        """`fit`, with frames that have been embedded."""
        shown = [1.0] * len(embeddings) if labels is None else [float(label) for label in labels]
        if len(shown) != len(embeddings):
            raise SpecError(f"fit takes one label for each of {len(embeddings)} frames; got {len(shown)}.")
        table = few_shot_table(method, self.spec.encoder, embeddings, shown, options or {})
        return RewardModel(self.encoder, replace(self.spec, few_shot=table, scaling=None, threshold=None))

    def find_support(self, frames: Any, *, count: int = 8) -> tuple[list[int], list[float]]:
        """Rows of unlabelled frames that the sentences take for the goal and for something else, for `fit`.

        Args:
            frames: Of a random policy, say, as `embed` takes them.
            count: How many to find of the goal, and of the baseline and the negatives together.

        Returns:
            The rows, and 1 or 0 for each.

        Raises:
            SpecError: There are too few frames, or no sentence of what is not the goal.
        """
        prompts = self.spec.prompts
        texts = self.encoder.embed_texts([*prompts.goal, *prompts.baseline, *prompts.negatives])
        goal, others = unit_mean(texts[: len(prompts.goal)]), texts[len(prompts.goal) :]
        rows, labels = find_support(self.embed(frames), goal, others, count=count)
        return rows.tolist(), labels.tolist()

    def standardize(self, frames: Any) -> "RewardModel":
        """The same reward with a mean of 0 and a standard deviation of 1 over some frames; of an ensemble, each part.

        Args:
            frames: As the agent will see them, as `embed` takes them; of a random policy, say.

        Returns:
            A reward with `scaling` in its spec, and without the threshold of this one.

        Raises:
            SpecError: The frames do not show a scale, or the reward has milestones.
        """
        embeddings = self.embed(frames)
        spec = replace(self.spec, scaling=None, threshold=None)
        if spec.parts() and spec.options is not None:
            tables = zip(spec.options["parts"], spec.parts(), strict=True)
            parts = [table | {"scaling": self._scaling(part, embeddings)} for table, part in tables]
            return RewardModel(self.encoder, replace(spec, options={"parts": parts}))
        return RewardModel(self.encoder, replace(spec, scaling=self._scaling(self.spec, embeddings)))

    def _scaling(self, spec: RewardSpec, embeddings: Embeddings) -> dict[str, Any]:
        plain = RewardModel(self.encoder, replace(spec, scaling=None, threshold=None))
        mean, spread = mean_and_spread(plain.head(embeddings))
        return dict(spec.scaling or {}) | {"subtract": mean, "divide": spread}

    def calibrate(self, frames: Any, labels: Any = None, *, false_positives: float = 0.05) -> "RewardModel":
        """The same reward as 0 and 1, with a threshold that few frames without the goal are above.

        Args:
            frames: As `embed` takes them.
            labels: For each, whether it shows the goal. None: none does, as is nearly true of a random policy's.
            false_positives: Share of the frames without the goal that may be rewarded, 0 to below 1.

        Returns:
            A reward with `threshold` in its spec.

        Raises:
            SpecError: No frame is without the goal, the labels do not fit, or the reward has milestones.

        Example:
            >>> import gymnasium as gym
            >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
            >>> _ = env.reset(seed=0)
            >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
            >>> reward.calibrate(env.render(), false_positives=0.0).score(env.render())
            tensor([0.])
        """
        if self.spec.head == "milestones":
            raise SpecError("each milestone has a score of its own; set threshold in the spec of milestones by hand.")
        plain = RewardModel(self.encoder, replace(self.spec, threshold=None))
        scores = plain.head(plain.embed(frames))
        shown = torch.zeros(len(scores)) if labels is None else torch.as_tensor(labels).double().flatten()
        if len(shown) != len(scores) or not bool(((shown == 0) | (shown == 1)).all()):
            raise SpecError(f"calibrate takes one label of 0 or 1 for each of {len(scores)} frames; got {labels!r}.")
        threshold = threshold_for(scores[shown == 0], false_positives)
        return RewardModel(self.encoder, replace(self.spec, threshold=threshold))

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
