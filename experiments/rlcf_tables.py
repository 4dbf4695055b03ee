"""The tables that retrieval is measured on, and which ways of making pictures worse are counted.

    python experiments/rlcf_tables.py          (about 2 minutes on 1 core)

Each picture of 1,000 tables is asked for its caption, and each caption for its picture; a tenth of the tables are near
twins of others, which differ in one fact. Which cells are counted is decided here, before anything is adapted, by what
both models find as they are: those on which the reward's model finds at least 25 points more in both directions, and
the policy at least 5 % and at most 75 %. Of each way the severity at which the policy is nearest to half as good as on
whole pictures is taken; the three ways with the largest lead count, the next one is for settings. All numbers go to
``experiments/results/rlcf_tables.json`` and ``.md``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from vlmrm_envs.table_top import Facts, caption, draw_tables, random_tables

from vlmrm.atomic import whole_file, write_json
from vlmrm.encoders import load_encoder
from vlmrm.encoders.encoder import Encoder
from vlmrm.frames.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from vlmrm.types import Frames

RESULTS = Path(__file__).resolve().parent / "results"
POLICY, REWARD = "tab-xs", "tab-m"
CHOSEN, COUNTED, SETTINGS = 101, 102, 103
"""Seeds of three draws: the cells are chosen on one, the numbers are of another, settings of the third."""
TABLES, SIZE_PX = 1_000, 96
LEAD, LOWEST, HIGHEST = 0.25, 0.05, 0.75
Cell = tuple[str, int]
"""A way of making pictures worse, and its severity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Tables with their pictures and captions."""

    tables: Facts
    """The tables."""
    frames: Frames
    """A picture of each."""
    captions: list[str]
    """The caption of each."""


def draw(seed: int, count: int = TABLES) -> Drawn:
    """Draw held-out tables, a tenth of them near twins."""
    tables = random_tables(count, seed=seed, twins=0.1)
    return Drawn(
        tables=tables,
        frames=draw_tables(tables, seed=seed, size_px=SIZE_PX),
        captions=[caption(table) for table in tables],
    )


def found_first(encoder: Encoder, frames: Frames, captions: Tensor) -> tuple[float, float]:
    """How often the caption of a picture is found first, and the picture of a caption."""
    cosines = encoder.embed_frames(frames) @ captions.T
    right = torch.arange(len(cosines))
    of_pictures, of_captions = (float((cosines.argmax(dim=way) == right).float().mean()) for way in (1, 0))
    return of_pictures, of_captions


def measure() -> dict[str, dict[str, list[float]]]:
    """What both models find first, picture to text and text to picture, whole and in each cell."""
    drawn = draw(CHOSEN)
    encoders = {name: load_encoder(name) for name in (POLICY, REWARD)}
    captions = {name: encoder.embed_texts(drawn.captions) for name, encoder in encoders.items()}
    cells = [(kind, severity) for kind in CORRUPTIONS for severity in range(1, SEVERITIES + 1)]
    shown = {"whole": drawn.frames} | {
        f"{kind} {severity}": corrupt(drawn.frames, kind, severity) for kind, severity in cells
    }
    return {
        name: {model: list(found_first(encoder, frames, captions[model])) for model, encoder in encoders.items()}
        for name, frames in shown.items()
    }


def choose(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """Names of the cells that count, and of the one for settings, by the rule above."""
    whole = sum(found["whole"][POLICY]) / 2
    leads: dict[str, float] = {}
    for kind in CORRUPTIONS:
        fit = {}
        for severity in range(1, SEVERITIES + 1):
            policy, reward = (found[f"{kind} {severity}"][model] for model in (POLICY, REWARD))
            lead = min(after - before for before, after in zip(policy, reward, strict=True))
            if lead >= LEAD and min(policy) >= LOWEST and max(policy) <= HIGHEST:
                fit[f"{kind} {severity}"] = (abs(sum(policy) / 2 - whole / 2), lead)
        if fit:
            name = min(fit, key=lambda one: fit[one])
            leads[name] = fit[name][1]
    return sorted(leads, key=lambda name: -leads[name])[:4]


def counted_cells() -> list[Cell]:
    """The three cells that count."""
    return _cells()[:3]


def settings_cell() -> Cell:
    """The cell that settings are chosen on."""
    return _cells()[3]


def _cells() -> list[Cell]:
    said = json.loads((RESULTS / "rlcf_tables.json").read_text(encoding="utf-8"))["cells"]
    return [(name.split()[0], int(name.split()[1])) for name in said]


def main() -> None:
    """Measure, choose and write."""
    found = measure()
    cells = choose(found)
    write_json(RESULTS / "rlcf_tables.json", {"found_first": found, "cells": cells})
    rows = [
        f"| {name} | {100 * p[0]:.0f} / {100 * r[0]:.0f} | {100 * p[1]:.0f} / {100 * r[1]:.0f} | {_role(name, cells)} |"
        for name, models in found.items()
        for p, r in [(models[POLICY], models[REWARD])]
    ]
    text = "\n".join([_HEAD, *rows, ""])
    with whole_file(RESULTS / "rlcf_tables.md") as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)


def _role(name: str, cells: list[str]) -> str:
    return "" if name not in cells else "settings" if name == cells[-1] else "counted"


_HEAD = f"""# Which cells retrieval is counted on

Made by `python experiments/rlcf_tables.py`, before anything was adapted, with today's built-in models {POLICY} (policy)
and {REWARD} (reward). How often, in percent, the right one of 1,000 is found first, by policy / reward; a tenth of the
tables are near twins of others.

| cell | caption of a picture | picture of a caption | |
|---|---|---|---|"""


if __name__ == "__main__":
    main()
