"""Which rewards let gradients reach the pixels of a frame, and their scores as functions of levels of pixels."""

import warnings

from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.errors import SpecError, VlmrmWarning
from vlmrm.frames.pixel_attack import RaisedByAttack
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.score import build_score
from vlmrm.types import Levels, Rewards


def require_open_clip(reward: FrameReward, *, instead: str = "") -> RewardModel:
    """Return the reward if it is one of a single model of OpenCLIP.

    Args:
        reward: Any reward.
        instead: What the error advises.

    Raises:
        SpecError: It has no encoder, or another one, or it joins the pictures of several cameras.
    """
    if isinstance(reward, RewardModel) and isinstance(reward.encoder, OpenClipEncoder):
        if reward.spec.cameras is not None:
            raise SpecError(f"gradients reach the pixels of one camera, and a frame holds several. {instead}".rstrip())
        return reward
    raise SpecError(
        f"gradients reach the pixels through a model of OpenCLIP; {reward.name} is another. {instead}".rstrip()
    )


def require_gradients(reward: FrameReward, *, instead: str = "") -> RewardModel:
    """Return the reward if nothing in its spec keeps gradients from the pixels of a frame.

    Args:
        reward: Any reward.
        instead: What the error advises.

    Raises:
        SpecError: It is of no single model of OpenCLIP, or a word of its spec lets no gradient pass.
    """
    model = require_open_clip(reward, instead=instead)
    words = [word for word, options in model.spec.transforms().items() if not options.passes_gradients]
    if words:
        raise SpecError(f"no gradient reaches the pixels through {', '.join(words)} in a spec. {instead}".rstrip())
    return model


def score_of_levels(reward: FrameReward) -> RaisedByAttack:
    """Return the score of pictures as a function of their levels; of a reward with a threshold, that before it.

    Args:
        reward: A `RewardModel` of one OpenCLIP encoder, without crops, uncertainty and judge.

    Raises:
        SpecError: No gradient reaches the pixels.

    Example:
        >>> import torch
        >>> from vlmrm.prompts import PromptSet
        >>> reward = RewardModel.load("sim-xs", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> score_of_levels(reward)(torch.zeros(2, 64, 64, 3)).shape
        torch.Size([2])
    """
    whole = require_open_clip(reward)
    model = require_gradients(whole.with_spec(whole.spec.before("threshold")))
    encoder = DifferentiableEncoder(model.encoder, copied=())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VlmrmWarning)  # the same sentences were warned of when the reward was made
        score = build_score(encoder, model.spec)

    def scores(levels: Levels) -> Rewards:
        return score.of_embeddings(encoder.embed_levels(levels))

    return scores
