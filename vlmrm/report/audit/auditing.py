"""`audit`: every probe on one reward."""

import platform
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from vlmrm.errors import SpecError, VlmrmError, VlmrmWarning
from vlmrm.report.audit.audit_numbers import Answered
from vlmrm.report.audit.audited import Audited, gather
from vlmrm.report.audit.outcome import Audit
from vlmrm.report.audit.probe import Finding, Probe
from vlmrm.report.audit.registry import BUILT_IN, PROBES
from vlmrm.report.audit.saved_audit import pictures_of
from vlmrm.report.evaluation import AnyFrames, for_readers, source_of
from vlmrm.report.placing import placed, source_for
from vlmrm.report.scorers import AnyReward, Encoders, scorer_of
from vlmrm.values import require_whole

Progress = Callable[[int, int | None], None]
"""Told how many probes have been carried out, and of how many."""
_PACKAGES = ("vlmrm", "torch", "open_clip_torch", "numpy")


def audit(
    reward: AnyReward,
    frames: AnyFrames,
    *,
    probes: Sequence[str] = BUILT_IN,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Look for what fools a reward.

    Args:
        reward: A spec, the name of its file, a `RewardModel`, a `FunctionReward`, or a function of frames.
        frames: Labelled frames: a source of `vlmrm.data`, frames in memory, or a task or its name, whose states are
            then drawn.
        probes: Names of probes; those of other packages are asked only if they are named.
        seed: Decides what probes draw.
        progress: Told of every probe.

    Raises:
        SpecError: There is no such probe or none at all, the seed is below 0, the reward is impossible or a table of
            scores, or all frames are in the goal or none is.
        FrameError: The frames cannot be read.

    Example:
        >>> import numpy as np, torch
        >>> from vlmrm.data import LabelledFrames
        >>> frames = torch.arange(40, dtype=torch.uint8).reshape(40, 1, 1, 1).expand(40, 8, 8, 3)
        >>> names = [str(i) for i in range(40)]
        >>> shown = LabelledFrames(frames=frames, in_goal=np.arange(40) < 20, names=names)
        >>> dark = lambda frames: 255 - frames.float().mean(dim=(1, 2, 3))
        >>> audit(dark, shown, probes=["tells_goal"]).verdict
        'pass'
    """
    asked = [PROBES.named(name) for name in dict.fromkeys(probes)]
    if not asked:
        raise SpecError("an audit without a probe says nothing. Name one, or leave probes out for all of them.")
    require_whole("seed", seed, at_least=0)
    source = source_of(frames)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", VlmrmWarning)
        scorer = placed(scorer_of(reward, Encoders()), source.task)
        source = source_for([scorer.reward], source)
        audited = gather(scorer, source, seed=seed)
    answered = []
    for number, probe in enumerate(asked):
        answered.append(Answered(probe=probe, finding=_answer(probe, audited)))
        if progress is not None:
            progress(number + 1, len(asked))
    spec = audited.reward.spec
    return Audit(
        reward=scorer.title if scorer.title != "reward" else audited.reward.name,
        spec=None if spec is None else spec.to_dict(),
        spec_hash=None if spec is None else spec.hash(),
        fingerprint=audited.reward.fingerprint,
        source=source.name,
        about=source.about,
        task=None if source.task is None else source.task.name,
        pictures=None if source.task is None else pictures_of(source.task),
        frames=len(audited.labels),
        in_goal=int(audited.labels.in_goal.sum()),
        answered=answered,
        remarks=_remarks(audited, caught),
        versions={name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
    )


def _answer(probe: Probe, audited: Audited) -> Finding:
    """What a probe finds; where something is lacking, or the reward refuses what is asked, why it was left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VlmrmWarning)  # that frames and words are strange is the point
        try:
            for need in probe.needs:
                why = need.lacking(audited)
                if why is not None:
                    return Finding.left_out(why)
            found: Any = probe.run(audited)
            if isinstance(found, Finding):
                return found
            broke = f"it answered with {type(found).__name__} instead of a Finding"
        except VlmrmError as error:
            return Finding.left_out(str(error))
        except Exception as error:  # of an environment, a model or another package's probe: the others have their say
            broke = f"it broke off with {type(error).__name__}: {error}"
    warnings.warn(f"probe {probe.name}: {broke}", VlmrmWarning, stacklevel=3)
    return Finding.left_out(broke)


def _remarks(audited: Audited, caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """What a reader of the numbers has to know; warnings that are not ours are passed on."""
    found = for_readers(caught)
    spec = audited.reward.spec
    if spec is not None and spec.over_time is not None:
        found.append(
            "The reward looks back. Probes of the goal, of sentences and of pictures look at the score of each frame "
            "by itself, from which it makes what a step is paid."
        )
    if not audited.labels.groups:
        found.append(
            "Nothing is known of which frames share an episode, a video or a view: intervals are too narrow where "
            "neighbours are alike."
        )
    return found
