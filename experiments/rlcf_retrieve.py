"""Does a reward help to find the caption of a picture, and the picture of a caption? Both directions, with controls.

    python experiments/rlcf_retrieve.py --settings    (tries settings on a cell that is not counted; about 10 minutes)
    python experiments/rlcf_retrieve.py               (about 20 minutes on 2 cores; goes on where it was)

Policy tab-xs, reward tab-m, galleries of 1,000 drawn tables of which a tenth are near twins; 200 queries a cell. Cells
were fixed before (`rlcf_tables.py`); one setting for each direction, chosen on another cell and another draw. Pictures
are asked for their captions, made worse; captions are asked for their pictures among pictures that are all made worse.
Prompts are tuned on 64 labelled pairs of the cell of settings. Answers are kept in ``runs/rlcf_retrieve``.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rlcf_tables import (
    COUNTED,
    POLICY,
    RESULTS,
    REWARD,
    SETTINGS,
    TABLES,
    Cell,
    Drawn,
    counted_cells,
    draw,
    settings_cell,
)

from vlmrm.atomic import whole_file, write_json
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.encoders import load_encoder
from vlmrm.frames.corruptions import corrupt
from vlmrm.metrics import Estimate, accuracy_difference
from vlmrm.rewards import RewardSpec
from vlmrm.rlcf import AdaptOptions, preset
from vlmrm.rlcf.answer_sets import AnswerSet, Pictures, Texts
from vlmrm.rlcf.evaluation import answers
from vlmrm.rlcf.labelled import Labelled, checked_labels
from vlmrm.rlcf.prompt_tuned import tune_prompts
from vlmrm.rlcf.results import MethodResult
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod, Setup

WORK = Path("runs") / "rlcf_retrieve"
QUERIES, PAIRS = 200, 64
DIRECTIONS = ("picture_to_text", "text_to_picture")
PRESETS = {"picture_to_text": "tab_image_to_text", "text_to_picture": "tab_text_to_image"}
AIMS = {"picture_to_text": 25, "text_to_picture": 12}
"""Points over zero-shot that were asked for."""
CLIP_SCORE = RewardSpec.clip_score(REWARD)
SOFTMAX = RewardSpec.from_dict({"encoder": REWARD, "head": "softmax"})
RIVALS = {"picture_to_text": "texts", "text_to_picture": "pictures"}


def asked(drawn: Drawn, cell: Cell, direction: str, count: int = QUERIES) -> tuple[Labelled, AnswerSet]:
    """The first queries of a draw, and what is searched."""
    frames = corrupt(drawn.frames, *cell)
    right = np.arange(count)
    if direction == "picture_to_text":
        return Labelled(frames[:count], right), Texts(drawn.captions)
    return Labelled(drawn.captions[:count], right), Pictures(frames)


def setup(answer_set: AnswerSet, adapted: Mapping[str, AdaptOptions], like: AdaptOptions) -> Setup:
    """Policy, reward and methods; the controls have the rivals and the number of candidates of some options."""
    methods = {
        name: AdaptedMethod(options=options, self_reward=name == "self_reward") for name, options in adapted.items()
    }
    return Setup(
        policy=POLICY,
        answers=answer_set,
        reward=CLIP_SCORE if like.rivals is None else SOFTMAX,
        adapted=methods,
        rivals=like.rivals,
        candidates=like.candidates or TABLES,
    )


def counted(direction: str) -> dict[str, AdaptOptions]:
    """The adapted rows of the table."""
    options = preset(PRESETS[direction])
    return {
        "self_reward": options,
        "kd": replace(options, method="kd", learning_rate=1e-3),
        "expected_reward": replace(options, method="expected_reward", learning_rate=1e-3),
        "rlcf": options,
    }


def answer(drawn: Drawn, cell: Cell, direction: str, workers: int) -> dict[str, MethodResult]:
    """What every method finds in a cell."""
    queries, answer_set = asked(drawn, cell, direction)
    methods = setup(answer_set, counted(direction), preset(PRESETS[direction]))
    found = {}
    for name in methods.methods:
        show = frame_progress(f"{cell[0]} {cell[1]}, {direction}, {name}", what="queries")
        folder = WORK / "counted" / direction / "-".join(map(str, cell))
        found[name] = run_method(methods, name, queries, folder, workers=workers, progress=show)
        print(f"{cell[0]} {cell[1]}, {direction}, {name}: {found[name].accuracy}", flush=True)
    return found | {"prompt_tuned": prompt_tuned(queries, answer_set)}


def prompt_tuned(queries: Labelled, answer_set: AnswerSet) -> MethodResult:
    """What the policy finds with words and a frame that were learned on labelled pairs of another cell."""
    pairs = draw(SETTINGS, PAIRS)
    encoder = tune_prompts(load_encoder(POLICY), corrupt(pairs.frames, *settings_cell()), pairs.captions)
    found = answer_set.zero_shot(encoder)
    right = checked_labels(queries.queries, queries.labels, found.count)
    return MethodResult(name="prompt_tuned", each=list(answers(found, queries.queries, right)), labels=right)


def settings_rows(direction: str, rivals: str | None) -> dict[str, AdaptOptions]:
    """What is tried: losses, numbers of candidates, learning rates, and what is taken off the rewards."""
    start = replace(preset(PRESETS[direction]), steps=16, rivals=rivals)
    tried = (
        ("rlcf", 12, 3e-4, "mean"), ("rlcf", 12, 1e-3, "mean"), ("rlcf", 12, 3e-3, "mean"), ("rlcf", 20, 1e-3, "mean"),
        ("rlcf", 5, 1e-3, "mean"), ("rlcf", 12, 1e-3, "group"), ("expected_reward", 12, 1e-3, "mean"),
        ("expected_reward", 12, 3e-3, "mean"), ("kd", 12, 1e-3, "mean"), ("kd", 12, 3e-3, "mean"),
    )  # fmt: skip
    return {
        f"{method}, K = {count}, {rate:g}, {baseline}": replace(
            start, method=method, candidates=count, learning_rate=rate, baseline=baseline
        )
        for method, count, rate, baseline in tried
        if method != "kd" or rivals is None  # which does not look at the reward's head
    }


def try_settings(workers: int) -> None:
    """Trace all rows on the cell of settings, and write how often each is right after some steps."""
    drawn, cell = draw(SETTINGS), settings_cell()
    lines = [_SETTINGS_HEAD.format(cell=" at ".join(map(str, cell)))]
    for direction in DIRECTIONS:
        queries, answer_set = asked(drawn, cell, direction, 100)
        for kind, rivals in (("CLIPScore", None), ("softmax", RIVALS[direction])):
            like = replace(preset(PRESETS[direction]), rivals=rivals, candidates=12)
            methods = setup(answer_set, settings_rows(direction, rivals), like)
            for name in methods.methods:
                folder = WORK / "settings" / direction / kind
                found = run_method(methods, name, queries, folder, workers=workers)
                after = found.accuracy_after_each()
                shown = [f"{100 * after[step - 1]:.0f}" if after else "" for step in (1, 2, 4, 6, 8, 12, 16)]
                start = f"| {direction} | {kind} | {name} | {100 * found.accuracy.value:.0f} |"
                lines.append(f"{start} {' | '.join(shown)} |")
                print(lines[-1], flush=True)
    _write("rlcf_retrieve_settings.md", "\n".join([*lines, ""]))


def main(settings: bool = False, workers: int = 2) -> None:
    """Try settings, or answer all queries and write the tables."""
    if settings:
        try_settings(workers)
        return
    drawn = draw(COUNTED)
    found = {
        direction: {cell: answer(drawn, cell, direction, workers) for cell in counted_cells()}
        for direction in DIRECTIONS
    }
    lines, numbers = [_HEAD], {}
    for direction, cells in found.items():
        text, numbers[direction] = table(direction, cells)
        lines += text
    write_json(RESULTS / "rlcf_retrieve.json", numbers)
    _write("rlcf_retrieve.md", "\n".join([*lines, ""]))


def table(direction: str, cells: Mapping[Cell, Mapping[str, MethodResult]]) -> tuple[list[str], dict[str, Any]]:
    """Rows of one direction, and the same as plain values."""
    options, names = preset(PRESETS[direction]), [f"{kind} {severity}" for kind, severity in cells]
    groups = [name for name, found in zip(names, cells.values(), strict=True) for _ in found["rlcf"].labels]
    right = {
        method: np.concatenate([found[method].right for found in cells.values()])
        for method in next(iter(cells.values()))
    }
    lines = [
        "",
        f"## {direction.replace('_', ' ').capitalize()}",
        "",
        f"K = {options.candidates}, {options.steps} steps, learning rate {options.learning_rate:g}.",
        "",
        f"| method | {' | '.join(names)} | mean | over zero-shot | R@5 | R@10 |",
        "|---" * (len(names) + 5) + "|",
    ]
    numbers: dict[str, Any] = {
        "options": {"candidates": options.candidates, "steps": options.steps, "learning_rate": options.learning_rate}
    }
    for method, label in _LABELS.items():
        each = [found[method].accuracy.value for found in cells.values()]
        among = [np.mean([found[method].right_among(count) for found in cells.values()]) for count in (5, 10)]
        gain = accuracy_difference(right["zero_shot"], right[method], groups=groups)
        said = "" if method == "zero_shot" else _signed(gain)
        shown = label.format(count=options.candidates)
        lines.append(
            f"| {shown} | {' | '.join(f'{100 * one:.0f}' for one in each)} | {100 * np.mean(each):.1f} | {said} | "
            f"{100 * among[0]:.0f} | {100 * among[1]:.0f} |"
        )
        numbers[method] = {
            "recall_at_1": dict(zip(names, each, strict=True)),
            "gain": [gain.value, gain.low, gain.high],
        }
    reached = np.mean([found["zero_shot"].right_among(options.candidates or TABLES) for found in cells.values()])
    lead, exact = (
        accuracy_difference(right["best_of_k"], right[method], groups=groups) for method in ("rlcf", "expected_reward")
    )
    gain = accuracy_difference(right["zero_shot"], right["rlcf"], groups=groups)
    lines += [
        "",
        f"The right one is among the policy's first {options.candidates} for {100 * reached:.0f} % of the queries. "
        f"RLCF is {_signed(gain)} over zero-shot (aim: +{AIMS[direction]}) and {_signed(lead)} over the best of "
        f"{options.candidates} by the reward (aim: +2); the expected reward, its exact gradient, is {_signed(exact)} "
        "over that. The reward alone is better than all that it adapts, and needs no policy. Prompts tuned on labelled "
        "pairs of one way of making pictures worse do not carry over to others.",
    ]
    numbers["rlcf_over_best_of_k"] = [lead.value, lead.low, lead.high]
    return lines, numbers


def _signed(one: Estimate) -> str:
    return f"{100 * one.value:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"


def _write(name: str, text: str) -> None:
    with whole_file(RESULTS / name) as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)


_LABELS = {
    "zero_shot": f"zero-shot (policy {POLICY})",
    "reward_only": f"reward alone ({REWARD})",
    "best_of_k": "best of {count} by the reward, no gradient",
    "ensemble": "mean of both models' probabilities",
    "prompt_tuned": f"prompts tuned on {PAIRS} labelled pairs",
    "self_reward": "policy as its own reward",
    "kd": "KD from the reward",
    "expected_reward": "expected reward",
    "rlcf": "**RLCF**",
}
_SETTINGS_HEAD = f"""# Which settings of retrieval suit the models of the table top

Made by `python experiments/rlcf_retrieve.py --settings` with today's built-in models {POLICY} (policy) and {REWARD}
(reward): how often, in percent, the right one of 1,000 is found first, of 100 queries on {{cell}}, a cell
and a draw that are not counted.

| direction | reward | method | at the end | 1 step | 2 | 4 | 6 | 8 | 12 | 16 |
|---|---|---|---|---|---|---|---|---|---|---|"""
_HEAD = f"""# A reward finds captions of pictures, and pictures of captions

Made by `python experiments/rlcf_retrieve.py` with today's built-in models: policy {POLICY}, reward {REWARD} as a
softmax over the answers. How often, in percent, the right one of 1,000 drawn tables is found first (R@1), judged by
what was drawn and never by the reward; a tenth of the tables are near twins of others, which differ in one fact.
{QUERIES} queries a cell of a draw on which nothing was chosen; cells were fixed before (`rlcf_tables.md`), settings on
another cell and draw (`rlcf_retrieve_settings.md`). Gains with 95 % intervals over paired queries, each cell alike."""


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
