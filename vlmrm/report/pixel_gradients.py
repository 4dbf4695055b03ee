"""Which rewards let gradients reach the pixels of a frame, and their scores as functions of levels of pixels."""

import warnings
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.errors import SpecError, VlmrmWarning
from vlmrm.frames.pixel_attack import RaisedByAttack
from vlmrm.judges import PixelJudge
from vlmrm.rewards.features.cameras import embed_joined
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.features.judged import worth_asking
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.score import build_context, build_score
from vlmrm.types import Levels, Rewards


def require_open_clip(reward: FrameReward, *, instead: str = "") -> RewardModel:
    """Return the reward if it is one of a single model of OpenCLIP.

    Args:
        reward: Any reward.
        instead: What the error advises.

    Raises:
        SpecError: It has no encoder, or another one.
    """
    if isinstance(reward, RewardModel) and isinstance(reward.encoder, OpenClipEncoder):
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
    """Return the score of frames as a function of their levels; of a reward with a threshold, that before it.

    Of several cameras the pictures of a frame are scored together, so that all of them may be attacked at once.
    Where the reward asks a judge, its answer to the same pixels counts, one picture at a time.

    Args:
        reward: A `RewardModel` of one OpenCLIP encoder, without crops and uncertainty; a judge is a `PixelJudge`.

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
    graded = whole.with_spec(whole.spec.before("threshold"))
    dense = graded.with_spec(graded.spec.before("judge")) if graded.spec.judge else graded
    if dense.spec.cameras is None:
        require_gradients(dense)
    else:
        require_gradients(dense.with_spec(replace(dense.spec, cameras=None)))  # each picture by itself
    judge = _judge_of(graded)
    encoder = DifferentiableEncoder(dense.encoder, copied=())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VlmrmWarning)  # the same sentences were warned of when the reward was made
        score = build_context(encoder, graded.spec, judge).score
        score_before = build_score(encoder, dense.spec)

    def scores(levels: Levels) -> Rewards:
        embeddings = embed_joined(levels, whole.spec.pictures_in_frame, encoder.embed_levels)
        if judge is None or graded.spec.judge is None:
            return score.of_embeddings(embeddings)
        asked = worth_asking(score_before.of_embeddings(embeddings), graded.spec.judge.above)
        return score(FrameFeatures(embeddings=embeddings, extra={"judge": _answers(judge, levels, asked)}))

    return scores


def _judge_of(reward: RewardModel) -> PixelJudge | None:
    """The judge that a reward asks; None: it asks none."""
    if reward.judged is None:
        return None
    judge = reward.judged.judge
    if not isinstance(judge, PixelJudge):
        raise SpecError(
            f"no gradient reaches the pixels through {type(judge).__name__}, the judge of the spec: it has no "
            "log_odds_of_pixels, as YesNoJudge has."
        )
    return judge


def _answers(judge: PixelJudge, levels: Levels, asked: Bool[Tensor, " n"]) -> Rewards:
    """Probabilities of a judge for the pictures that it is asked about, 0 for the others."""
    column = torch.zeros(len(levels))
    if bool(asked.any()):
        column[asked] = judge.log_odds_of_pixels(levels[asked].movedim(-1, 1) / 255).sigmoid().to(column)
    return column
