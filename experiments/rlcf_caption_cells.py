"""Which ways of making pictures worse adapted captions are measured on, by what is seen before anything is adapted.

    python experiments/rlcf_caption_cells.py          (about 3 minutes on 1 core)

The captioner tab-cap writes a caption of 200 pictures in each cell, and the exact judge counts the facts that it says
rightly. How far ahead the reward's model is of the captioner's own eyes is taken from `rlcf_tables.py`. Cells with 45
to 85 % of the facts have something to gain and something to start from. Of these, of each way of making pictures worse
the severity nearest to 65 % is taken:

- the reward sees better, by at least 25 points: the two ways with the smallest lead are for settings, the others count;
- the reward sees no better, by at most 2 points: the three ways with the smallest lead are where a guard ought to act.

All numbers go to ``experiments/results/rlcf_caption_cells.json`` and ``.md``.
"""

import json

from rlcf_tables import CHOSEN, POLICY, RESULTS, REWARD, Cell, draw
from vlmrm_envs.table_judge import TableJudge

from vlmrm.atomic import whole_file, write_json
from vlmrm.data.caption_judge import summary
from vlmrm.frames.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from vlmrm.rlcf.captions import load_captioner

CAPTIONER, PICTURES = "tab-cap", 200
LOWEST, NEAR, HIGHEST = 0.45, 0.65, 0.85
LEAD, NO_LEAD = 0.25, 0.02


def facts_said() -> dict[str, float]:
    """Share of the facts that captions say rightly, whole and in each cell."""
    drawn, captioner = draw(CHOSEN, PICTURES), load_captioner(CAPTIONER)
    judge = TableJudge(drawn.tables)
    cells = [(kind, severity) for kind in CORRUPTIONS for severity in range(1, SEVERITIES + 1)]
    shown = {"whole": drawn.frames} | {
        f"{kind} {severity}": corrupt(drawn.frames, kind, severity) for kind, severity in cells
    }
    said = {name: captioner.caption(frames) for name, frames in shown.items()}
    judged = {name: [judge.judge(place, text) for place, text in enumerate(texts)] for name, texts in said.items()}
    return {name: summary(found, judge.facts).facts_right.value for name, found in judged.items()}


def leads() -> dict[str, float]:
    """How many more captions of pictures the reward's model finds than the captioner's encoder, as shares."""
    found = json.loads((RESULTS / "rlcf_tables.json").read_text(encoding="utf-8"))["found_first"]
    return {name: models[REWARD][0] - models[POLICY][0] for name, models in found.items() if name != "whole"}


def choose(facts: dict[str, float], lead: dict[str, float]) -> dict[str, list[str]]:
    """Names of cells by their use, by the rule above."""
    fit = [name for name in lead if LOWEST <= facts[name] <= HIGHEST]

    def one_of_each_way(names: list[str]) -> list[str]:
        ways = sorted({name.split()[0] for name in names})
        of_way = [[name for name in names if name.split()[0] == way] for way in ways]
        nearest = [min(several, key=lambda name: abs(facts[name] - NEAR)) for several in of_way]
        return sorted(nearest, key=lambda name: -lead[name])

    better = one_of_each_way([name for name in fit if lead[name] >= LEAD])
    others = one_of_each_way([name for name in fit if lead[name] <= NO_LEAD])
    return {"counted": better[:-2], "settings": better[-2:], "others": others[-3:]}


def cells(use: str) -> list[Cell]:
    """The cells of one use: ``counted``, ``settings`` or ``others``."""
    said = json.loads((RESULTS / "rlcf_caption_cells.json").read_text(encoding="utf-8"))["cells"][use]
    return [(name.split()[0], int(name.split()[1])) for name in said]


def main() -> None:
    """Measure, choose and write."""
    facts, lead = facts_said(), leads()
    chosen = choose(facts, lead)
    write_json(RESULTS / "rlcf_caption_cells.json", {"facts": facts, "lead": lead, "cells": chosen})
    use = {name: which for which, names in chosen.items() for name in names}
    rows = [f"| {name} | {100 * facts[name]:.0f} | {100 * lead[name]:+.0f} | {use.get(name, '')} |" for name in lead]
    text = "\n".join([_HEAD.format(whole=100 * facts["whole"]), *rows, ""])
    with whole_file(RESULTS / "rlcf_caption_cells.md") as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)


_HEAD = f"""# Which cells adapted captions are counted on

Made by `python experiments/rlcf_caption_cells.py`, before anything was adapted, with today's {CAPTIONER}, {POLICY} and
{REWARD}. Facts that greedy captions of {PICTURES} pictures say rightly, in percent ({{whole:.0f}} of whole pictures);
and by how many points the reward's model finds more captions of pictures than the captioner's encoder.

| cell | facts | reward's lead | |
|---|---|---|---|"""


if __name__ == "__main__":
    main()
