"""What probes may need: sentences, success bounds, a task, embeddings, or a reward that looks back."""

from vlmrm.errors import VlmrmError
from vlmrm.metrics import auroc
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.probe import Need

_TELLS = 0.75  # half of the way from chance to a perfect reward


def _sentences(audited: Audited) -> str | None:
    if not audited.goals:
        return f"{audited.reward.name} has no sentence that could be exchanged."
    if audited.has_milestones:
        return (
            "a frame shows the last of several milestones only beside the others, so that none can be exchanged alone."
        )
    if (why := _embeddings(audited)) is not None:
        return why
    try:
        audited.of_texts(list(audited.goals))
    except VlmrmError as error:
        return f"other sentences cannot take the goal's place: {error}"
    return None


def _bounds(audited: Audited) -> str | None:
    if audited.rule is None:
        return "there is no task with success bounds, so nobody knows how far a frame is from the goal."
    missing = sorted(set(audited.rule.where) - set(audited.labels.states))
    return f"nothing is known of {', '.join(missing)}, which has success bounds." if missing else None


def _task(audited: Audited) -> str | None:
    return "the frames come from files, so there is no task to play." if audited.task is None else None


def _looks_back(audited: Audited) -> str | None:
    spec = audited.reward.spec
    if spec is not None and spec.over_time is not None:
        return None
    return "the reward scores each frame by itself, so that no order of frames can change what an episode is paid."


def _single_frames(audited: Audited) -> str | None:
    if _looks_back(audited) is not None:
        return None
    return "what a step is paid depends on more than one frame, and this looks at what single frames are paid."


def _embeddings(audited: Audited) -> str | None:
    wide = audited.seen.embeddings.shape[1]
    return None if wide else f"{audited.reward.name} has no embeddings of single frames."


def _tells_goal(audited: Audited) -> str | None:
    tells = auroc(audited.scores, audited.labels.in_goal)
    if tells >= _TELLS:
        return None
    return (
        f"the reward hardly tells the goal (AUROC {tells:.2f}), so that nothing can be said to be lost or nearly paid."
    )


SENTENCES = Need(name="sentences", lacking=_sentences)
"""Sentences, and a head that takes another one in the goal's place."""
BOUNDS = Need(name="success bounds", lacking=_bounds)
"""Success bounds on variables that are known."""
TASK = Need(name="a task", lacking=_task)
"""A task whose episodes can be played."""
LOOKS_BACK = Need(name="a reward over time", lacking=_looks_back)
"""A reward that looks at more than one frame of an episode."""
SINGLE_FRAMES = Need(name="a reward of single frames", lacking=_single_frames)
"""A reward that pays a step what its last frame scores."""
EMBEDDINGS = Need(name="embeddings", lacking=_embeddings)
"""Embeddings of single frames."""
TELLS_GOAL = Need(name="a reward that tells the goal", lacking=_tells_goal)
"""An AUROC to lose: of a reward near chance every loss is small, and every way to the goal is short."""
