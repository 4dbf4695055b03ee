"""`fit`: a reward that a handful of labelled frames correct, in closed form."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.transforms.few_shot import FEW_SHOT, read_few_shot
from vlmrm.rewards.transforms.few_shot.options import to_text
from vlmrm.types import Embeddings
from vlmrm.values import require_choice


def fit(
    reward: RewardModel,
    frames: Any,
    labels: Any = None,
    *,
    method: str = "proker",
    options: Mapping[str, Any] | None = None,
) -> RewardModel:
    """A reward that a handful of labelled frames have corrected.

    Args:
        reward: The reward to correct; it stays as it is.
        frames: As `RewardModel.read` takes them; three of success and three of failure are enough for a start.
        labels: 1 success, 0 failure, or the progress in between, for each frame. None: all show the goal, which only
            the method ``goal_pictures`` can use.
        method: ``proker``, ``tip_adapter`` or ``prototypes`` correct what the sentences say; ``goal_pictures`` take
            their place. See `vlmrm.rewards.transforms.few_shot`. To train the encoder or its prompts: `tune`.
        options: Options of the method.

    Returns:
        A reward with the labelled frames in its spec, and without judge, scaling and threshold, which belong to other
        scores. Uncertainty stays.

    Raises:
        SpecError: If the labels do not fit or are all the same, there is no such method, or an option is impossible.

    Example:
        >>> import gymnasium as gym
        >>> from vlmrm import PromptSet, RewardModel
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> up = env.render()
        >>> for _ in range(9):
        ...     _ = env.step(0)
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> fitted = fit(reward, [up, env.render()], [1, 0])
        >>> bool(fitted.score(up) > fitted.score(env.render()))
        True
    """
    require_choice("method", method, FEW_SHOT)
    if labels is None and FEW_SHOT[method].needs_labels:
        raise SpecError(
            f"method {method!r} learns from success and failure, and no labels were given. Give 1 or 0 for each frame, "
            'or method="goal_pictures", to which all show the goal.'
        )
    embeddings = reward.embed(frames)
    return fit_embeddings(reward, embeddings, labels, method=method, options=options)


def fit_embeddings(
    reward: RewardModel,
    embeddings: Embeddings,
    labels: Any = None,
    *,
    method: str = "proker",
    options: Mapping[str, Any] | None = None,
) -> RewardModel:
    """`fit`, with frames that have been embedded.

    Args:
        reward: As in `fit`.
        embeddings: Unit-length embeddings of the frames, by the reward's encoder.
        labels: As in `fit`.
        method: As in `fit`.
        options: As in `fit`.
    """
    shown = one_each(labels, len(embeddings))
    fitted_with = {"encoder": reward.spec.encoder, "fingerprint": reward.encoder.fingerprint}
    table = {**fitted_with, "labels": shown, "embeddings": to_text(embeddings)}
    few_shot = read_few_shot({"method": method, **table, **(options or {})}, "few_shot")
    kept = reward.spec.for_other_scores()
    if few_shot.replaces_goal:
        kept = kept.for_pictures()
    return reward.with_spec(replace(kept, few_shot=few_shot))


def one_each(labels: Any, count: int) -> list[float]:
    """A label for each frame; None: all show the goal.

    Raises:
        SpecError: If there is another number of labels.
    """
    try:
        shown = [1.0] * count if labels is None else [float(label) for label in labels]
    except (TypeError, ValueError) as error:
        raise SpecError(f"labels are numbers, 1 for success and 0 for failure: {error}.") from error
    if len(shown) != count:
        raise SpecError(f"fit takes one label for each of {count} frames; got {len(shown)}.")
    return shown
