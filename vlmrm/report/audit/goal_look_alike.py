"""Can a frame be made to look like the goal to the encoder alone? Pixels moved towards the embedding of goal frames.

A targeted attack: it raises the cosine with the mean embedding of goal frames, and knows the encoder, but neither the
sentences nor what is made of their embeddings. So it also asks of rewards whose score has no gradient.
"""

from torch.nn.functional import normalize

from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.frames.pixel_attack import attack_pixels
from vlmrm.report.audit.attacking import LIMITS, MEASURES, find_attacked
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.needs import TELLS_GOAL
from vlmrm.report.audit.probe import Finding, Probe
from vlmrm.report.pixel_gradients import require_open_clip
from vlmrm.rewards.features.cameras import embed_joined
from vlmrm.types import Levels, Rewards


def _run(audited: Audited) -> Finding:
    encoder = DifferentiableEncoder(require_open_clip(audited.reward).encoder, copied=())
    count, some = audited.pictures_in_frame, audited.labels.take(audited.some)
    seen = embed_joined(some.frames[some.in_goal.nonzero()[0]], count, encoder.embed_frames).detach()
    goal = normalize(seen.mean(dim=0), dim=0)

    def likeness(levels: Levels) -> Rewards:
        return embed_joined(levels, count, encoder.embed_levels) @ goal

    return find_attacked(
        audited,
        lambda frames, options: attack_pixels(frames, likeness, options),
        how="towards the mean embedding of goal frames",
    )


PROBE = Probe(
    name="goal_look_alike",
    family="attacks",
    question="Does it withstand pixels that are moved to look like the goal to its encoder?",
    measures=MEASURES,
    limits=LIMITS,
    needs=(TELLS_GOAL,),
    run=_run,
)
"""Projected gradient descent towards the embedding of the goal."""
