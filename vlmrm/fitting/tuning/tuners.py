"""`tune`: a reward whose encoder, or whose prompts, were trained to rank a handful of labelled frames."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vlmrm.encoders.registry import load_encoder
from vlmrm.encoders.towers.inner import open_clip_encoder
from vlmrm.errors import EncoderError, SpecError
from vlmrm.fitting.few_shot import fit_embeddings, one_each
from vlmrm.fitting.tuning.options import (
    ConditionalOptions,
    ContextOptions,
    LowRankOptions,
    SingularValuesOptions,
    TunerOptions,
    tuner_options,
)
from vlmrm.fitting.tuning.prompts import learn_conditional_prompts, learn_prompts
from vlmrm.fitting.tuning.weights import tune_weights
from vlmrm.frames.batch import as_frames
from vlmrm.rewards.heads.cocoop import CoCoOpOptions
from vlmrm.rewards.model import RewardModel

WRITE_A_MODEL = ("svd", "lora")
"""Methods that write a tuned encoder."""


def tune(
    reward: RewardModel,
    frames: Any,
    labels: Any,
    *,
    method: str = "svd",
    options: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
) -> RewardModel:
    """A reward whose encoder, or whose prompts, were trained to rank a handful of labelled frames, in seconds.

    Args:
        reward: The reward to tune; it and its encoder stay as they are.
        frames: As `RewardModel.read` takes them; all are looked at in each step.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        method: ``svd`` (CLIP-SVD) and ``lora`` (CLIP-LoRA) tune a copy of the encoder; scoring costs the same. ``coop``
            (CoOp) learns words of the prompts, and ``cocoop`` (CoCoOp) words that depend on the picture.
        options: Options of the method; see `vlmrm.fitting.tuning.options`.
        out: Folder for the tuned encoder, which must not exist yet; only of ``svd`` and ``lora``.

    Returns:
        A reward with what was learned in its spec, and without what belonged to the embeddings or scores of before.

    Raises:
        SpecError: If the labels do not fit or are all the same, all frames have the same reward, there is no such
            method, an option is impossible, or `out` is missing, exists, or is not used.
        EncoderError: If the encoder cannot be tuned, or training diverged.

    Example:
        >>> import tempfile
        >>> from vlmrm import PromptSet
        >>> import gymnasium as gym
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> up = env.render()
        >>> for _ in range(9):
        ...     _ = env.step(0)
        >>> frames = [up, env.render()]
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"), device="cpu")
        >>> tuned = tune(reward, frames, [1, 0], options={"steps": 5}, out=Path(tempfile.mkdtemp()) / "tuned")
        >>> before, after = reward.score(frames), tuned.score(frames)
        >>> bool(after[0] - after[1] > before[0] - before[1])
        True
    """
    found = tuner_options(method, options or {})
    if (out is None) is (method in WRITE_A_MODEL):
        raise SpecError(
            f"the methods {' and '.join(WRITE_A_MODEL)} write a tuned encoder to the folder `out`, and no other does; "
            f"got method={method!r} and out={out!r}."
        )
    if labels is None:
        raise SpecError(f"method {method!r} learns from success and failure, and no labels were given.")
    if reward.spec.views is not None:
        raise EncoderError("an encoder that sees whole frames can be tuned; this reward sees crops. Leave out views.")
    if reward.spec.cameras is not None:
        raise EncoderError(
            "an encoder that sees whole frames can be tuned, and this reward sees each frame as pictures of several "
            "cameras. Tune it on the pictures of one camera, without cameras in the spec, and add them to the result."
        )
    with torch.inference_mode(False), torch.enable_grad():  # wherever it is called
        batch = as_frames(frames)
        return _TUNE[type(found)](reward, batch, one_each(labels, len(batch)), found, out)


def _tuned_encoder(reward: RewardModel, frames: Any, labels: Any, options: TunerOptions, out: Any) -> RewardModel:
    spec = tune_weights(reward.encoder, reward.spec, frames, labels, options, out=out)
    runtime = open_clip_encoder(reward.encoder).runtime
    encoder = load_encoder(
        spec.encoder,
        device=str(runtime.device),
        precision=runtime.precision,
        resize_mode=spec.resize_mode,
        batch_size=runtime.batch_size,
    )
    return RewardModel(encoder, spec)


def _learned_prompts(reward: RewardModel, frames: Any, labels: Any, options: Any, out: Any) -> RewardModel:
    embeddings, shown = learn_prompts(reward.encoder, reward.spec, frames, labels, options).as_pictures()
    return fit_embeddings(reward, embeddings, shown, method="goal_pictures")


def _conditional_prompts(reward: RewardModel, frames: Any, labels: Any, options: Any, out: Any) -> RewardModel:
    words = learn_conditional_prompts(reward.encoder, reward.spec, frames, labels, options)
    spec = replace(
        reward.spec.before("few_shot"),
        head="cocoop",
        options=CoCoOpOptions(learned=words.to_text(), fingerprint=reward.encoder.fingerprint),
    )
    return reward.with_spec(spec)


_TUNE: Mapping[type[TunerOptions], Callable[..., RewardModel]] = {
    LowRankOptions: _tuned_encoder,
    SingularValuesOptions: _tuned_encoder,
    ContextOptions: _learned_prompts,
    ConditionalOptions: _conditional_prompts,
}
