"""`FittedReward`: what turns a reward into another one by a look at some frames, labelled or not."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.registry import load_encoder
from vlmrm.encoders.towers.gradients import open_clip_encoder
from vlmrm.errors import SpecError
from vlmrm.frames import as_frames
from vlmrm.rewards.bank import find_support
from vlmrm.rewards.few_shot_layer import few_shot_table
from vlmrm.rewards.frame_noise import fit_noise, save_noise
from vlmrm.rewards.head import Head
from vlmrm.rewards.layers import COCOOP, FEW_SHOT
from vlmrm.rewards.projection import unit_mean
from vlmrm.rewards.scaling import mean_and_spread
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.threshold import threshold_for
from vlmrm.rewards.tuning.options import TUNERS, ConditionalOptions, ContextOptions, TunerOptions, tuner_options
from vlmrm.rewards.tuning.tuners import learn_conditional_prompts, learn_prompts, tune
from vlmrm.types import Embeddings, Frames

Reward = TypeVar("Reward", bound="FittedReward")
"""The class that a method was called on, which it returns."""

WRITE_A_MODEL = ("svd", "lora")
"""Methods of `FittedReward.fit` that write a tuned encoder."""
METHODS = (*FEW_SHOT, *TUNERS)
"""All methods of `FittedReward.fit`."""


class FittedReward:
    """The part of `RewardModel` that fits; each method returns a new reward with what it found in its spec."""

    encoder: Encoder
    spec: RewardSpec
    head: Head

    def __init__(self, encoder: Encoder, spec: RewardSpec) -> None:
        self.encoder, self.spec = encoder, spec

    def embed(self, frames: Any) -> Embeddings:
        """As `RewardModel.embed`."""
        raise NotImplementedError

    def with_spec(self: Reward, spec: RewardSpec) -> Reward:
        """The reward of another spec, with the same encoder."""
        return type(self)(self.encoder, spec)

    def fit(
        self: Reward,
        frames: Any,
        labels: Any = None,
        *,
        method: str = "proker",
        options: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
    ) -> Reward:
        """A reward that a handful of labelled frames have corrected.

        Args:
            frames: As `embed` takes them; three of success and three of failure are enough for a start.
            labels: 1 success, 0 failure, or the progress in between, for each frame. None: all show the goal, which
                only the method ``goal_pictures`` can use.
            method: ``proker``, ``tip_adapter`` or ``prototypes`` correct what the sentences say, in closed form;
                ``goal_pictures`` take their place. See `vlmrm.rewards.few_shot`. ``svd`` and ``lora`` tune a copy of
                the encoder, ``coop`` and ``cocoop`` the words of the prompts, in seconds. See `vlmrm.rewards.tuning`.
            options: Of the method.
            out: Folder for the tuned encoder, which must not exist yet; only of ``svd`` and ``lora``.

        Returns:
            A reward with what was fitted in its spec, and without judge, scaling and threshold of this one, which
            belong to other scores. Uncertainty stays where encoder and words do.

        Raises:
            SpecError: The labels do not fit or are all the same, there is no such method, an option is impossible, or
                `out` is missing, exists, or is not used.
            EncoderError: It is to be tuned and is no model of OpenCLIP.

        Example:
            >>> import gymnasium as gym
            >>> from vlmrm import PromptSet, RewardModel
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
        if (out is None) is (method in WRITE_A_MODEL):
            raise SpecError(
                f"the methods {' and '.join(WRITE_A_MODEL)} write a tuned encoder to the folder `out`, and no other "
                f"does; got method={method!r} and out={out!r}."
            )
        if labels is None and method in METHODS and method != "goal_pictures":
            raise SpecError(
                f"method {method!r} learns from success and failure, and no labels were given. Give 1 or 0 for each "
                'frame, or method="goal_pictures", to which all show the goal.'
            )
        if method in TUNERS:
            return self._tuned(frames, labels, tuner_options(method, options or {}), out)
        certain = self._certain()
        return self.fit_embeddings(certain.embed(frames), labels, method=method, options=options)

    def _tuned(self: Reward, frames: Any, labels: Any, options: TunerOptions, out: Any) -> Reward:
        with torch.inference_mode(False), torch.enable_grad():  # wherever it is called
            return self._trained(as_frames(frames), labels, options, out)

    def _trained(self: Reward, frames: Frames, labels: Any, options: TunerOptions, out: Any) -> Reward:
        labels = _one_each(labels, len(frames))
        if isinstance(options, ConditionalOptions):
            words = learn_conditional_prompts(self.encoder, self.spec, frames, labels, options)
            table = {"method": COCOOP, "encoder": self.spec.encoder, "learned": words.to_text()}
            return self.with_spec(
                replace(self.spec, few_shot=table, uncertainty=None, judge=None, scaling=None, threshold=None)
            )
        if isinstance(options, ContextOptions):
            embeddings, shown = learn_prompts(self.encoder, self.spec, frames, labels, options).as_pictures()
            return self.fit_embeddings(embeddings, shown, method="goal_pictures")
        spec = tune(self.encoder, self.spec, frames, labels, options, out=out)
        runtime = open_clip_encoder(self.encoder).runtime
        encoder = load_encoder(
            spec.encoder, device=str(runtime.device), precision=runtime.precision, resize_mode=spec.resize_mode
        )
        return type(self)(encoder, spec)

    def fit_embeddings(
        self: Reward,
        embeddings: Embeddings,
        labels: Any = None,
        *,
        method: str = "proker",
        options: Mapping[str, Any] | None = None,
    ) -> Reward:
        """`fit`, with frames that have been embedded.

        Args:
            embeddings: Of the frames, of unit length.
            labels: As in `fit`.
            method: As in `fit`.
            options: As in `fit`.
        """
        shown = _one_each(labels, len(embeddings))
        table = few_shot_table(method, self.spec.encoder, embeddings, shown, options or {})
        spec = replace(self.spec, few_shot=None, judge=None, scaling=None, threshold=None)
        if method == "goal_pictures" and (spec.uncertainty or {}).get("ensemble") == "prompts":
            spec = replace(spec, uncertainty=None)  # there are no goal sentences any more that could disagree
        return self.with_spec(replace(spec, few_shot=table))

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
        certain = self._certain()
        rows, labels = find_support(certain.embed(frames), goal, others, count=count)
        return rows.tolist(), labels.tolist()

    def standardize(self: Reward, frames: Any) -> Reward:
        """The same reward with a mean of 0 and a standard deviation of 1 over some frames; of an ensemble, each part.

        Args:
            frames: As the agent will see them, as `embed` takes them; of a random policy, say.

        Returns:
            A reward with `scaling` in its spec, and without the threshold of this one; an ensemble also without the
            judge, who was asked above another score.

        Raises:
            SpecError: The frames do not show a scale, or the reward has milestones.
        """
        frames = as_frames(frames)
        spec = replace(self.spec, scaling=None, threshold=None)
        if spec.parts() and spec.options is not None:
            spec = replace(spec, judge=None)  # `above` was a score of the parts as they were
            tables = zip((spec.options or {})["parts"], spec.parts(), strict=True)
            parts = [table | {"scaling": self._scaling(part, frames)} for table, part in tables]
            return self.with_spec(replace(spec, options={"parts": parts}))
        return self.with_spec(replace(spec, scaling=self._scaling(self.spec, frames)))

    def _scaling(self, spec: RewardSpec, frames: Frames) -> dict[str, Any]:
        plain = self.with_spec(replace(spec, views=self.spec.views, scaling=None, threshold=None))
        mean, spread = mean_and_spread(plain.head(plain.embed(frames)))
        return dict(spec.scaling or {}) | {"subtract": mean, "divide": spread}

    def calibrate(self: Reward, frames: Any, labels: Any = None, *, false_positives: float = 0.05) -> Reward:
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
            >>> from vlmrm import PromptSet, RewardModel
            >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
            >>> _ = env.reset(seed=0)
            >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
            >>> reward.calibrate(env.render(), false_positives=0.0).score(env.render())
            tensor([0.])
        """
        if self.spec.head == "milestones":
            raise SpecError("each milestone has a score of its own; set threshold in the spec of milestones by hand.")
        plain = self.with_spec(replace(self.spec, threshold=None))
        scores = plain.head(plain.embed(frames))
        shown = torch.zeros(len(scores)) if labels is None else torch.as_tensor(labels).double().flatten()
        if len(shown) != len(scores) or not bool(((shown == 0) | (shown == 1)).all()):
            raise SpecError(f"calibrate takes one label of 0 or 1 for each of {len(scores)} frames; got {labels!r}.")
        threshold = threshold_for(scores[shown == 0], false_positives)
        return self.with_spec(replace(self.spec, threshold=threshold))

    def fit_uncertainty(self: Reward, frames: Any, path: str | Path, *, kappa: float = 0.0) -> Reward:
        """The same reward, which knows how unsure it is of each frame: little on frames like these, more on others.

        A Laplace posterior of the encoder's last linear map (BayesVLM; see `vlmrm.rewards.laplace`), in closed form.

        Args:
            frames: As the agent will see them, as `embed` takes them: 100 or more of one camera, many more of many.
            path: Of a ``.safetensors`` file that keeps the posterior, beside the spec.
            kappa: Standard deviations that are taken off the reward: what cannot be known does not pay. 0: none.

        Returns:
            A reward with `uncertainty` in its spec, and without judge, scaling and threshold of this one.

        Raises:
            EncoderError: The encoder has no last linear map that can be read, as timm's and Hugging Face's towers.
            SpecError: The reward has one sentence only, or takes means over frames or crops.
        """
        spec = replace(self.spec, uncertainty=None, judge=None, scaling=None, threshold=None)
        table = save_noise(fit_noise(self.encoder, as_frames(frames), self.spec.prompts), Path(path))
        return self.with_spec(replace(spec, uncertainty=table | {"kappa": kappa}))

    def _certain(self: Reward) -> Reward:
        plain = replace(self.spec, uncertainty=None, judge=None)
        return self if plain == self.spec else self.with_spec(plain)


def _one_each(labels: Any, count: int) -> list[float]:
    """A label for each frame; None: all show the goal."""
    shown = [1.0] * count if labels is None else [float(label) for label in labels]
    if len(shown) != count:
        raise SpecError(f"fit takes one label for each of {count} frames; got {len(shown)}.")
    return shown
