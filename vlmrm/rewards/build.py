"""`build_reward`: a spec and an encoder become what reads, scores and rewards."""

from dataclasses import dataclass

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.judges import Judge
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.over_time.plain import PlainSteps
from vlmrm.rewards.protocols import Context, OverTime
from vlmrm.rewards.score import build_context
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.visualness import warn_of_invisible_goals
from vlmrm.rewards.wording import warn_of_wording
from vlmrm.types import Frames


@dataclass(frozen=True, kw_only=True, eq=False)
class BuiltReward:
    """The parts of a reward with a goal."""

    context: Context
    """Extractor and score."""
    over_time: OverTime
    """Makes the rewards of steps."""

    def read(self, frames: Frames) -> FrameFeatures:
        """Return what there is to know of each frame, with its score where steps are made of scores."""
        score, seen = self.context.score, self.context.extractor.read(frames)
        timed = self.context.spec.over_time
        return seen if timed is not None and not timed.scores_frames else seen.with_scores(score, score(seen))


def build_reward(encoder: Encoder, spec: RewardSpec, judge: Judge | None = None) -> BuiltReward | None:
    """The parts of a reward; its sentences are embedded once.

    Goals that no picture can show, sentences that encoders misread, and words that this one does not know are warned
    of.

    Args:
        encoder: The encoder of frames and sentences.
        spec: What to build.
        judge: Judge to use instead of the one named in the spec. None: load that one.

    Returns:
        None for a spec without a goal, which scores pairs alone.

    Raises:
        PromptError: If the sentences make no reward.
        SpecError: If an option is missing that the encoder has no value of its own for, or a judge is given that the
            spec does not ask.
    """
    if judge is not None and spec.judge is None:
        raise SpecError("a judge was given, and the spec does not say above which score to ask. Add judge to it.")
    if spec.prompts is None:
        return None
    sees_motion = spec.over_time is not None and spec.over_time.sees_motion
    sets = (spec.prompts,) if spec.cameras is None else spec.cameras.every_prompts(spec.prompts)
    for prompts in sets:
        warn_of_invisible_goals(prompts)
        warn_of_wording(prompts.goal, spec.options.sentences(prompts), sees_motion=sees_motion)
        DomainWatch(encoder).read(spec.options.sentences(prompts))
    if spec.over_time is None:
        context = build_context(encoder, spec, judge)
        return BuiltReward(context=context, over_time=PlainSteps(context.score))
    head = spec.over_time.build_head(encoder, spec.prompts)
    context = spec.over_time.apply(build_context(encoder, spec, judge, head))
    return BuiltReward(context=context, over_time=spec.over_time.build(context))
