"""Does an attack made with another model fool it as well? Pixels moved to raise the reward of a second encoder.

Whoever attacks so knows the sentences and has a model of the same kind, but never sees the one that pays. The second
encoder is a built-in one that was trained on the same scenes, the smaller where there is one; other models have none.
"""

from dataclasses import replace

from vlmrm.encoders.registry import load_encoder
from vlmrm.fitting.tuning.train import of_sentences
from vlmrm.frames.pixel_attack import attack_pixels
from vlmrm.report.audit.attacking import LIMITS, MEASURES, find_attacked
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.needs import TELLS_GOAL
from vlmrm.report.audit.probe import Finding, Probe
from vlmrm.report.pixel_gradients import score_of_levels
from vlmrm.report.second_models import SECOND_MODELS
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec


def _run(audited: Audited) -> Finding:
    spec = audited.reward.spec
    if spec is None or spec.prompts is None:
        return Finding.left_out("the reward has no sentence that a second model could be asked about.")
    lender = SECOND_MODELS.get(spec.encoder)
    if lender is None:
        return Finding.left_out(f"there is no second built-in model of what {spec.encoder} knows.")
    score = score_of_levels(_of_lender(spec, lender))
    return find_attacked(
        audited,
        lambda frames, options: attack_pixels(frames, score, options),
        how=f"to raise the score of {lender}",
    )


def _of_lender(spec: RewardSpec, lender: str) -> RewardModel:
    """The same sentences with another encoder, without what was fitted to the first."""
    plain = replace(of_sentences(spec), encoder=lender)
    return RewardModel(load_encoder(lender, resize_mode=spec.resize_mode), plain)


PROBE = Probe(
    name="borrowed_attack",
    family="attacks",
    question="Does it withstand pixels that are moved to raise another model's reward?",
    measures=MEASURES,
    limits=LIMITS,
    needs=(TELLS_GOAL,),
    run=_run,
)
"""Projected gradient descent on the score of a second encoder."""
