"""`explain`: the score of each frame and what it is made of, as named columns."""

import torch
from torch import Tensor

from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.features.plain import PlainFeatures
from vlmrm.rewards.protocols import Context, OverTime
from vlmrm.rewards.stream import episode_rewards


def explain(context: Context, over_time: OverTime, seen: FrameFeatures) -> dict[str, Tensor]:
    """Columns of a reward, a value per frame in each.

    Args:
        context: Extractor and score of the reward.
        over_time: Makes rewards of steps.
        seen: Features of the frames; where the reward looks back, of those of one episode in order.

    Returns:
        ``score``; the parts that the head is made of, by name; ``std`` where the uncertainty is known; what was read
        of each frame as one number, as ``judge`` where one is asked; and ``reward`` where the reward looks back, NaN
        for the first frame.
    """
    pixels = seen.extra.get("pixels")
    alone = seen if pixels is None else PlainFeatures(context.encoder).read(pixels)
    columns = {"score": context.score(alone), **context.columns(alone.embeddings)}
    std = context.score.std(alone) if context.spec.threshold is None else None
    if std is not None:
        columns["std"] = std
    columns |= {name: values for name, values in seen.extra.items() if values.ndim == 1}
    if over_time.needs_history:
        paid = episode_rewards(over_time, seen, terminated=False)
        columns["reward"] = torch.cat([paid.new_full((1,), torch.nan), paid])
    return columns
