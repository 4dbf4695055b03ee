"""`evaluate`: how well rewards tell the goal on labelled frames, beside controls that ought to be worthless."""

import platform
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import numpy as np

from vlmrm.data.labelled import FrameSource, GivenFrames, LabelledBeforehand, LabelledFrames
from vlmrm.data.task_frames import frames_of_task
from vlmrm.errors import SpecError, VlmrmWarning
from vlmrm.report.answers import Evidence, answers_of
from vlmrm.report.candidates import Candidate, candidates_of
from vlmrm.report.curves_over_state import curves_over_state
from vlmrm.report.encounters import Encounters, meet
from vlmrm.report.map_over_state import map_over_state
from vlmrm.report.measures import measure
from vlmrm.report.nearness import nearness_of
from vlmrm.report.placing import source_for
from vlmrm.report.report import Report
from vlmrm.report.report_numbers import Entry
from vlmrm.report.scene_goals import SceneGoals, compare_goals
from vlmrm.report.scorers import NONSENSE, AnyReward
from vlmrm.report.scoring import Progress, Scored, score_frames
from vlmrm.report.verdict import FEW, judge
from vlmrm.tasks import SuccessRule, Task, all_tasks, find_task

_PACKAGES = ("vlmrm", "torch", "open_clip_torch", "numpy")
AnyFrames = FrameSource | LabelledFrames | Task | str
"""A source, frames in memory, or a task or its name."""


def evaluate(
    rewards: Mapping[str, AnyReward] | AnyReward,
    frames: AnyFrames,
    *,
    alphas: Sequence[float] = (),
    controls: bool = True,
    budget: float = 0.05,
    progress: Progress | None = None,
) -> Report:
    """Judge rewards on labelled frames.

    Args:
        rewards: One reward, or several by the names that the report gives them: specs, names of their files,
            `RewardModel` (which may be on any device), `FunctionReward`, or functions of frames.
        frames: Labelled frames: a source of `vlmrm.data`, frames in memory, or a task or its name, whose states are
            then drawn.
        alphas: Alphas to compare for each plain projection; none: its own.
        controls: Whether to judge a sentence about something else, the baseline as the goal and random weights beside
            each reward. Without them an AUROC says little.
        budget: Share of the other frames that a threshold may let through.
        progress: Told how many frames have been scored, and of how many.

    Raises:
        SpecError: If a reward is impossible, all frames are in the goal or none is, or rewards are for pictures of
            other cameras or another quality than the first one's.
        FrameError: If the frames cannot be read.

    Example:
        >>> import torch
        >>> dark = lambda frames: 255 - frames.float().mean(dim=(1, 2, 3))
        >>> frames = torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1).expand(4, 8, 8, 3)
        >>> shown = LabelledFrames(frames=frames, in_goal=np.array([True, True, False, False]), names=list("abcd"))
        >>> report = evaluate(dark, shown)
        >>> report.best.evidence.measures.auroc.value
        1.0
    """
    if not 0 <= budget < 1:
        raise SpecError(f"budget is the share of other frames that may pass, 0 to below 1; got {budget}.")
    source = source_of(frames)
    if isinstance(source, LabelledBeforehand):
        _require_both(source.goals, source.count, source)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", VlmrmWarning)
        candidates = candidates_of(rewards, alphas=alphas, controls=controls, task=source.task)
        source = source_for([candidate.reward for candidate in candidates], source)
        scored = score_frames(candidates, source, sentences=_sentences(candidates, source.task), progress=progress)
        _require_both(int(scored.labels.in_goal.sum()), len(scored.labels), source)
        encounters = _encounters(candidates, source)
    said = for_readers(caught)
    rule = None if source.task is None else source.task.success
    entries = [_entry(candidate, scored, encounters, rule, budget) for candidate in candidates]
    entries.sort(key=lambda entry: entry.rank)
    return Report(
        source=source.name,
        about=source.about,
        entries=entries,
        goals=_goals(entries[0].evidence.candidate, source),
        scored=scored,
        remarks=[*_remarks(candidates, scored.labels), *said],
        versions={name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
    )


def for_readers(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return what the library warned of, once each; other warnings are passed on, as they are not about the reward.

    Args:
        caught: Warnings that were recorded.
    """
    own = [one for one in caught if issubclass(one.category, VlmrmWarning)]
    for one in caught:
        if one not in own:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno, source=one.source)
    return list(dict.fromkeys(str(one.message) for one in own))


def _encounters(candidates: Sequence[Candidate], source: FrameSource) -> Encounters | None:
    if source.task is None or all(candidate.reward is None for candidate in candidates):
        return None
    return meet(candidates, source.task)


def _goals(best: Candidate, source: FrameSource) -> SceneGoals | None:
    """The best reward among the goals of its scene; of states made on purpose, which show each goal."""
    if source.task is None or source.task.states is None or not source.draws:
        return None
    return compare_goals(best.scorer, source.task)


def source_of(frames: AnyFrames) -> FrameSource:
    """Return a source of whatever gives frames.

    Args:
        frames: As `evaluate` takes them.

    Raises:
        SpecError: If it gives none.
    """
    match frames:
        case str():
            return frames_of_task(find_task(frames))
        case Task():
            return frames_of_task(frames)
        case LabelledFrames():
            return GivenFrames(frames=frames)
        case FrameSource():
            return frames
    raise SpecError(f"labelled frames are a source of vlmrm.data, LabelledFrames, or a task; got {frames!r}.")


def _sentences(candidates: Sequence[Candidate], task: Task | None) -> list[str]:
    """All that frames are compared with: the rewards' own sentences, those of the scene's other goals, and nonsense."""
    specs = [candidate.spec for candidate in candidates]
    said = [spec.prompts for spec in specs if spec is not None and spec.prompts is not None]
    found = [sentence for prompts in said for sentence in (*prompts.goal, *prompts.baseline, *prompts.negatives)]
    if task is not None and said:
        scene = [other.reward.prompts for other in all_tasks().values() if other.env_id == task.env_id]
        found += [sentence for prompts in scene if prompts is not None for sentence in prompts.goal]
    return list(dict.fromkeys([*found, *NONSENSE])) if said else []


def _require_both(goals: int, count: int, source: FrameSource) -> None:
    if goals in (0, count):
        what = "in the goal" if goals == 0 else "outside of the goal"
        raise SpecError(
            f"{source.name} has no frame {what} among {count}, so nothing can be told apart. {source.about}"
        )


def _entry(
    candidate: Candidate, scored: Scored, encounters: Encounters | None, rule: SuccessRule | None, budget: float
) -> Entry:
    scores, labels = scored.scores[candidate.name], scored.labels
    controls, parts = scored.controls[candidate.name], scored.parts[candidate.name]
    measures = measure(scores, labels, controls=controls, rule=rule, budget=budget, parts=parts)
    spec = candidate.spec
    cosines = {} if spec is None else scored.cosines.get(spec.encoder, {})
    prompts = None if spec is None or (spec.cameras is not None and spec.cameras.prompts) else spec.prompts
    nearness = nearness_of(prompts, cosines) if prompts is not None and cosines else None
    curves = curves_over_state(scores, labels.states, rule)
    evidence = Evidence(
        candidate=candidate,
        measures=measures,
        goal_median=float(np.median(scores[labels.in_goal])),
        other_median=float(np.median(scores[~labels.in_goal])),
        curves=curves,
        state_map=map_over_state(scores, labels.states, curves),
        nearness=nearness,
        encounters=encounters,
        labels=labels,
    )
    return Entry(
        evidence=evidence,
        verdict=judge(measures, about=None if nearness is None else nearness.share),
        answers=answers_of(evidence),
        fooling=scored.fooling[candidate.name],
    )


def _remarks(candidates: Sequence[Candidate], labels: LabelledFrames) -> list[str]:
    """What a reader of the numbers has to know."""
    found = []
    groups = np.array(labels.groups)
    sides = {"goal": labels.in_goal, "other": ~labels.in_goal} if labels.groups else {}
    one_sided = [side for side, rows in sides.items() if len(set(groups[rows])) == 1]
    if not labels.groups:
        found.append(
            "Nothing is known of which frames share an episode, a video or a view, so that intervals take each for "
            "independent: they are too narrow where neighbours are alike."
        )
    elif labels.kinds and one_sided:
        found.append(
            f"All {' and all '.join(one_sided)} frames are of one group, as of one pose that the goal is: intervals "
            "cover the choice of the others alone."
        )
    elif one_sided:
        found.append(
            "No interval: one group, as one episode, video or view, holds all "
            f"{' frames, and one all '.join(one_sided)} frames, so that nothing says how far the numbers would move."
        )
    elif len(set(labels.groups)) < FEW:
        found.append(f"Intervals rest on {len(set(labels.groups))} groups of frames, which is few.")
    left_out = {f"{control} ({why})": None for one in candidates for control, why in one.without.items()}
    if left_out:
        found.append(f"Controls that could not be made: {'; '.join(left_out)}.")
    over_time = [one.name for one in candidates if one.spec is not None and one.spec.over_time is not None]
    if over_time:
        found.append(
            f"Judged by the scores of single frames, not by what over_time makes of them: {', '.join(over_time)}."
        )
    return found
