"""Does adapting a captioner to one picture make its captions truer? The exact judge says, beside every control.

    python experiments/rlcf_captions.py --settings    (tries settings on two cells that are not counted)
    python experiments/rlcf_captions.py               (goes on where it was, then writes the tables)
    python experiments/rlcf_captions.py --only fog-1 noise-2     (some cells, in a process beside another)

Captioner tab-cap, which sees with tab-xs; reward tab-m; 200 drawn tables a cell. Cells were fixed before
(`rlcf_caption_cells.py`); one setting for all, chosen on other cells and another draw. Facts are those of the drawn
table: ten for each picture. Captions are kept in ``runs/rlcf_captions``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from rlcf_caption_cells import CAPTIONER, cells
from rlcf_tables import COUNTED, RESULTS, REWARD, SETTINGS, Cell, Drawn, draw
from vlmrm_envs.table_judge import TableJudge

from vlmrm.atomic import whole_file, write_json
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.data.caption_judge import CaptionShares, JudgedCaption, difference, summary
from vlmrm.frames.corruptions import corrupt
from vlmrm.metrics import Estimate
from vlmrm.metrics.captions import DocumentFrequencies, cider_d
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rlcf import AdaptOptions, Guard, preset
from vlmrm.rlcf.captions.adapting import CaptionReward
from vlmrm.rlcf.captions.comparing import CaptionedBy, CaptionSetup
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod
from vlmrm.types import Frames

WORK = Path("runs") / "rlcf_captions"
PICTURES, TRIED = 200, 40
OPTIONS = preset("tab_caption")
CLIP_SCORE = RewardSpec.clip_score(REWARD)
MAPPER_ONLY = replace(OPTIONS, tune="mapper", steps=4, learning_rate=1e-3)
"""What RLCF tunes of a captioner, with the steps and the learning rate that suit it."""
GUARD = Guard("auto")


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What one method says of the pictures of a cell."""

    said: CaptionedBy
    """The captions."""
    judged: Sequence[JudgedCaption]
    """What the exact judge finds in them."""
    rewards: np.ndarray
    """Reward of each."""
    cider: float
    """CIDEr-D with the caption of the table as the one reference."""


def setup(options: AdaptOptions, adapted: Mapping[str, AdaptedMethod]) -> CaptionSetup:
    """Captioner, reward and methods."""
    return CaptionSetup(captioner=CAPTIONER, reward=CLIP_SCORE, options=options, adapted=adapted)


def answer(methods: CaptionSetup, names: Sequence[str], drawn: Drawn, cell: Cell, folder: Path) -> dict[str, Found]:
    """What methods say of pictures of a cell."""
    frames, judge = corrupt(drawn.frames, *cell), TableJudge(drawn.tables)
    references = [[text] for text in drawn.captions]
    frequencies = DocumentFrequencies.of(references)
    found = {}
    for name in names:
        show = frame_progress(f"{cell[0]} {cell[1]}, {name}", what="pictures")
        said = run_method(methods, name, Labelled(frames, [0] * len(frames)), folder, progress=show)
        paid = paid_for(methods.reward_model, frames, said.captions)
        judged = [judge.judge(place, text) for place, text in enumerate(said.captions)]
        cider = cider_d(said.captions, references, frequencies).mean
        found[name] = Found(said=said, judged=judged, rewards=paid, cider=cider)
        shares = summary(judged, judge.facts)
        print(f"{cell[0]} {cell[1]}, {name}: facts {shares.facts_right}, CIDEr-D {cider:.2f}", flush=True)
    return found


def paid_for(reward: RewardModel, frames: Frames, captions: Sequence[str]) -> np.ndarray:
    """Reward of each caption for its own picture."""
    pairs = zip(frames, captions, strict=True)
    return np.array([float(CaptionReward(reward, picture[None])([text])[0]) for picture, text in pairs])


def tried() -> dict[str, AdaptOptions]:
    """Settings: numbers of candidates, learning rates, and what is taken off the rewards."""
    whole = replace(OPTIONS, steps=8)
    start = replace(MAPPER_ONLY, steps=8)
    return {
        "captioner, K = 6, 1e-4": whole,
        "captioner, K = 6, 3e-4": replace(whole, learning_rate=3e-4),
        "K = 6, 1e-3": start,
        "K = 6, 3e-3": replace(start, learning_rate=3e-3),
        "K = 10, 1e-3": replace(start, candidates=10),
        "K = 10, 3e-3": replace(start, candidates=10, learning_rate=3e-3),
        "K = 10, 3e-3, group": replace(start, candidates=10, learning_rate=3e-3, baseline="group"),
    }


def try_settings() -> None:
    """Facts and reward after each step of each setting, on the two cells of settings."""
    drawn, facts, rewards = draw(SETTINGS, TRIED), [], []
    judge = TableJudge(drawn.tables)
    for cell in cells("settings"):
        frames = corrupt(drawn.frames, *cell)
        for name, options in tried().items():
            methods = setup(options, {"rlcf": AdaptedMethod(options=options)})
            folder = WORK / "settings" / "-".join(map(str, cell)) / name.replace(" ", "")
            found = answer(methods, ["zero_shot", "best_of_k", "rlcf"], drawn, cell, folder)
            said = [found[one].said.captions for one in ("zero_shot", "best_of_k")]
            said += found["rlcf"].said.captions_after_each()
            judged = [[judge.judge(place, text) for place, text in enumerate(one)] for one in said]
            right = [100 * summary(one, judge.facts).facts_right.value for one in judged]
            paid = [float(paid_for(methods.reward_model, frames, one).mean()) for one in said]
            facts.append(f"| {cell[0]} {cell[1]} | {name} | {' | '.join(f'{share:.0f}' for share in right)} |")
            rewards.append(f"| {cell[0]} {cell[1]} | {name} | {' | '.join(f'{one:.2f}' for one in paid)} |")
            print(facts[-1], rewards[-1], sep="\n", flush=True)
    text = "\n".join([_SETTINGS, _STEPS, *facts, _PAID, _STEPS, *rewards, ""])
    with whole_file(RESULTS / "rlcf_captions_settings.md") as aside:
        aside.write_text(text, encoding="utf-8")


def methods() -> CaptionSetup:
    """What is counted."""
    return setup(
        OPTIONS,
        {
            "rlcf": AdaptedMethod(options=OPTIONS),
            "guarded": AdaptedMethod(options=OPTIONS, guard=GUARD),
            "mapper_only": AdaptedMethod(options=MAPPER_ONLY),
        },
    )


def count(only: Sequence[str]) -> None:
    """Answer all counted cells, and write the tables; or some of them, for a process beside another."""
    drawn, found, asked = draw(COUNTED, PICTURES), {}, methods()
    for use in ("counted", "others"):
        for cell in cells(use):
            folder = WORK / "counted" / "-".join(map(str, cell))
            if not only or folder.name in only:
                found[use, f"{cell[0]} {cell[1]}"] = answer(asked, asked.methods, drawn, cell, folder)
    if not only:
        write(found)


def write(found: Mapping[tuple[str, str], Mapping[str, Found]]) -> None:
    """The tables, and the numbers behind them."""
    lines, numbers = [], {}
    for use in ("counted", "others"):
        of_use = {name: methods for (which, name), methods in found.items() if which == use}
        tables = {**of_use, f"mean of {len(of_use)} cells": pooled(list(of_use.values()))}
        for name, said in tables.items():
            lines += [f"\n## {name}{_NOTES[use]}\n", _HEADER, *(row(method, said) for method in said)]
            numbers[name] = {method: plain(one, said) for method, one in said.items()}
    write_json(RESULTS / "rlcf_captions.json", numbers)
    text = _HEAD + "\n".join([*lines, ""])
    with whole_file(RESULTS / "rlcf_captions.md") as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)


def pooled(several: Sequence[Mapping[str, Found]]) -> dict[str, Found]:
    """All cells together, each with the same pictures."""
    return {
        name: Found(
            said=CaptionedBy(name=name, each=[one for found in several for one in found[name].said.each]),
            judged=[one for found in several for one in found[name].judged],
            rewards=np.concatenate([found[name].rewards for found in several]),
            cider=float(np.mean([found[name].cider for found in several])),
        )
        for name in several[0]
    }


def row(name: str, said: Mapping[str, Found]) -> str:
    """One method of a table."""
    one, usual, best = said[name], said["zero_shot"], said["best_of_k"]
    shares = summary(one.judged, 10)

    def beside(other: Found) -> str:
        return "" if other is one else points(gain(other, one).facts_right)

    return (
        f"| {name} | {100 * shares.facts_right.value:.1f} | {beside(usual)} | {beside(best)} | "
        f"{100 * shares.false_objects.value:.1f} | {100 * shares.in_grammar.value:.1f} | {one.cider:.2f} | "
        f"{one.rewards.mean():.3f} | {100 * one.said.share_adapted:.0f} |"
    )


def gain(before: Found, after: Found) -> CaptionShares:
    """By how much one is better than the other, with intervals over paired pictures."""
    return difference(before.judged, after.judged, 10)


def points(one: Estimate) -> str:
    """A difference of shares in points."""
    return f"{100 * one.value:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"


def plain(one: Found, said: Mapping[str, Found]) -> dict[str, object]:
    """Numbers of one method."""
    shares, judge_facts = summary(one.judged, 10), gain(said["zero_shot"], one).facts_right
    return {
        "facts": shares.facts_right.value, "false_objects": shares.false_objects.value,
        "in_grammar": shares.in_grammar.value, "cider_d": one.cider, "reward": float(one.rewards.mean()),
        "adapted": one.said.share_adapted, "gain": [judge_facts.value, judge_facts.low, judge_facts.high],
    }  # fmt: skip


_NOTES = {"counted": "", "others": " (the reward sees no better)"}
_HEADER = """| | facts, % | over zero-shot | over best of K | false things, % | sentences | CIDEr-D | reward | adapted |
|---|---|---|---|---|---|---|---|---|"""
_SETTINGS = f"""# Settings of adapted captions

Made by `python experiments/rlcf_captions.py --settings` with {CAPTIONER} and the reward {REWARD}, on two cells that are
not counted, {TRIED} pictures of a draw of their own. Facts said rightly, in percent: before, of the best of K, and
after each of eight steps.
"""
_STEPS = """| cell | | before | best of K | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
_PAID = """
The mean reward of the same captions. With a learning rate of 3e-3 it goes on rising while the facts fall: the captions
please the reward's model, and say less and less of what is there.
"""
_HEAD = f"""# Captions adapted to one picture

Made by `python experiments/rlcf_captions.py` with today's {CAPTIONER} and the reward {REWARD} (CLIPScore); judged by
the ten facts of each drawn table, which no reward sees. {PICTURES} pictures a cell; intervals of 95 % over paired
pictures.
rlcf tunes mapper and language model: {OPTIONS.candidates} beams, {OPTIONS.steps} steps, learning rate \
{OPTIONS.learning_rate:g}. mapper_only is the published form,
with {MAPPER_ONLY.steps} steps and a learning rate of {MAPPER_ONLY.learning_rate:g}.
"""


def main(*, settings: bool = False, only: tuple[str, ...] = ()) -> None:
    """Try settings, or count.

    Args:
        settings: Try settings on the cells that are not counted.
        only: Answer these cells alone, such as fog-1, and write no table.
    """
    if settings:
        try_settings()
    else:
        count(only)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
