#!/usr/bin/env python
"""Makes the page of one cell of `rlcf_classify.py`, and a picture of its upper part for the docs.

    python experiments/rlcf_page.py          (about 3 minutes on 1 core; goes on where it was)

Policy sim-xs, reward sim-m, three pictures of each of the 81 state classes under texture at 4, with the settings of
`rlcf_classify.py` and fewer methods. The page goes to ``experiments/results/rlcf_page.html``, its numbers beside it as
JSON. The picture needs Debian's chromium; without it the one that is there stays.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from report_pages import picture
from rlcf_cells import COUNTED, RESULTS
from rlcf_classify import PER_CLASS, RLCF, STEPS, setup
from vlmrm_envs.state_classes import state_pictures

from vlmrm.cli.frame_progress import frame_progress
from vlmrm.frames.corruptions import corrupt
from vlmrm.report import AdaptationReport
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.results import Evaluation
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod

WORK = Path("runs") / "rlcf_page"
SHOWN = ("self_reward", "kd", "rlcf")


def main() -> None:
    """Answer every picture by every method, and write the page."""
    drawn = state_pictures(PER_CLASS, seed=COUNTED)
    asked = setup()
    adapted = {**asked.adapted, "rlcf": AdaptedMethod(options=replace(RLCF, steps=STEPS["rlcf"]))}
    asked = replace(asked, adapted={name: adapted[name] for name in SHOWN}, training_free=())
    shown = Labelled(corrupt(drawn.frames, "texture", 4), np.asarray(drawn.labels))
    found = {
        name: run_method(asked, name, shown, WORK, progress=frame_progress(f"answered by {name}", what="pictures"))
        for name in asked.methods
    }
    others = {name: asked.protocol(name)["options"] for name in SHOWN[:-1]}
    evaluation = Evaluation(methods=found, answers=asked.zero_shot.names, protocol=asked.protocol("rlcf") | others)
    report = AdaptationReport(evaluation=evaluation, queries=shown.queries, main="rlcf")
    page = report.save(RESULTS / "rlcf_page.html")
    picture(page, RESULTS / "rlcf_page.png", height_px=1260)
    print(f"{report.headline} {report.verdict.sentence}")


if __name__ == "__main__":
    main()
