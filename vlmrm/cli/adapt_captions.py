"""``vlmrm adapt caption``: does a reward make a captioner's captions of single pictures better?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vlmrm.atomic import write_json
from vlmrm.cli.adapt_arguments import Adapt
from vlmrm.cli.caption_judges import read_judge, references_of
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.cli.table import format_table
from vlmrm.data.classified import PictureFiles
from vlmrm.errors import FrameError, SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.report import CaptionReport
from vlmrm.rewards import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rlcf.captions.adapting import CaptionReward
from vlmrm.rlcf.captions.comparing import CaptionSetup
from vlmrm.rlcf.labelled import Asked, Labelled
from vlmrm.rlcf.options import AdaptOptions, preset
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod

_NOT_OURS = ("labels", "classes", "dataset", "per_class", "coop", "views", "templates", "also")


def run_captions(given: Adapt) -> int:
    """Write captions of pictures before and after adaptation, judge them, and write the report."""
    require_room([given.out], force=given.force)
    shown, references, skipped = _pictures(given)
    judge, setup = read_judge(given.judge, given.truths, shown.names), _setup(given)
    kept = given.keep or given.out.with_suffix("")
    found = {}
    for method in setup.methods:
        show = frame_progress(f"captioned by {method}", what="pictures")
        asked = Labelled(shown, [0] * len(shown))
        found[method] = run_method(setup, method, asked, kept, workers=given.workers, progress=show)
    steps = found["adapted"].captions_after_each()
    paid = _Paid(setup.reward_model, shown)
    report = CaptionReport(
        methods=found,
        pictures=shown,
        rewards={name: paid.of(one.captions) for name, one in found.items()},
        rewards_after_each=[float(paid.of(said).mean()) for said in steps],
        references=references,
        judge=judge,
        names=shown.names,
        protocol=setup.protocol("adapted"),
    )
    _show(report, skipped)
    if given.out.suffix == ".html":
        report.save(given.out)
    else:
        write_json(given.out, report.to_dict())
    print(f"wrote {given.out}; the captions of each picture are in {kept}")
    return 0


def require_room(outs: Sequence[Path], *, force: bool) -> None:
    """Refuse to write over files.

    Args:
        outs: Pages or numbers that are going to be written.
        force: Whether they may be there.

    Raises:
        SpecError: One is there.
    """
    there = [path for out in outs for path in (out, out.with_suffix(".json")) if path.exists()]
    if there and not force:
        raise SpecError(f"{there[0]} is there already. Give another --out, or --force to write over it.")


def _pictures(given: Adapt) -> tuple[PictureFiles, list[list[str]], int]:
    """Pictures that open, the references of each, and how many do not open."""
    wrong = [name for name in _NOT_OURS if getattr(given, name)]
    if wrong:
        raise SpecError(f"--{wrong[0]} is not for vlmrm adapt caption. Leave it out.")
    if given.captions is None:
        files = PictureFiles.of_folder(given.folder)
        references: list[list[str]] = []
    else:
        files, references = references_of(given.folder, given.captions, split=given.split)
    good = [place for place in range(len(files)) if _opens(files, place)]
    if not good:
        raise FrameError(f"none of the {len(files)} pictures of {given.folder} can be opened.")
    return files.at(good), [references[place] for place in good] if references else [], len(files) - len(good)


def _opens(files: PictureFiles, place: int) -> bool:
    try:
        files[place]
    except FrameError:
        return False
    return True


def _setup(given: Adapt) -> CaptionSetup:
    options = _options(given)
    whole = given.reward.endswith((".toml", ".json"))
    reward = RewardSpec.load(Path(given.reward)) if whole else RewardSpec.clip_score(given.reward)
    return CaptionSetup(
        captioner=given.policy,
        reward=reward,
        options=options,
        adapted={
            "self_reward": AdaptedMethod(options=options, self_reward=True),
            "adapted": AdaptedMethod(options=options),
        },
        device=given.device,
    )


def _options(given: Adapt) -> AdaptOptions:
    options = preset(given.preset or "clip_cap")
    said: dict[str, Any] = {
        "method": given.method or None, "tune": given.tune or None, "steps": given.steps,
        "learning_rate": given.learning_rate, "candidates": given.candidates, "rivals": given.rivals or None,
        "seed": given.seed,
    }  # fmt: skip
    return replace(options, **{name: value for name, value in said.items() if value is not None})


class _Paid:
    """Rewards of captions of some pictures, each of which is embedded once."""

    def __init__(self, reward: RewardModel, pictures: Asked) -> None:
        self._rewards = [CaptionReward(reward, as_frames(pictures[place])) for place in range(len(pictures))]

    def of(self, captions: Sequence[str]) -> Any:
        pairs = zip(self._rewards, captions, strict=True)
        return np.array([float(reward([caption])[0]) for reward, caption in pairs])


def _show(report: CaptionReport, skipped: int) -> None:
    columns = list(report.numbers("adapted"))
    rows = []
    for name in report.methods:
        gain, numbers = report.gains.get(name), report.numbers(name)
        rows.append((name, *(f"{numbers[one]:.3f}" for one in columns), "" if gain is None else str(gain)))
    print(f"{len(report.pictures):,} pictures; judged by {report.decider}.")
    print(format_table(("method", *columns, f"{report.decider} over zero-shot"), rows))
    print(f"\n{report.headline} {report.verdict.sentence}")
    for remark in (*report.verdict.reasons, *report.remarks):
        print(f"note: {remark}")
    if skipped:
        print(f"note: {skipped} pictures could not be opened and were left out.")
