#!/usr/bin/env python
"""Makes a page of adapted captions and one of an agent described in words, and a picture of each for the docs.

    python experiments/caption_pages.py          (about 3 minutes on 1 core; goes on where it was)

Captioner tab-cap and reward tab-m, 60 drawn tables in the fog of `rlcf_captions.py`, with its settings; and what
sim-cap says of an agent of ``pendulum/upright``, which `report_pages.py` trains before. Pages go to
``experiments/results/captions_page.html`` and ``described_page.html``, their numbers beside them as JSON. The pictures
need Debian's chromium; without it those that are there stay.
"""

from pathlib import Path

from report_pages import RUN, picture
from rlcf_captions import methods, paid_for
from rlcf_tables import COUNTED, RESULTS, draw
from vlmrm_envs.table_judge import TableJudge

from vlmrm.cli.entry import main as vlmrm
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.frames.corruptions import corrupt
from vlmrm.report.captions import CaptionReport
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.running import run_method

WORK = Path("runs") / "caption_pages"
CELL, PICTURES = ("fog", 1), 60


def adapted() -> Path:
    """Answer every picture by every method, and write the page."""
    drawn, asked = draw(COUNTED, PICTURES), methods()
    frames = corrupt(drawn.frames, *CELL)
    shown = Labelled(frames, [0] * len(frames))
    found = {
        name: run_method(asked, name, shown, WORK, progress=frame_progress(f"written by {name}", what="pictures"))
        for name in asked.methods
    }
    report = CaptionReport(
        methods=found,
        pictures=frames,
        rewards={name: paid_for(asked.reward_model, frames, one.captions) for name, one in found.items()},
        references=[[text] for text in drawn.captions],
        judge=TableJudge(drawn.tables),
        rewards_after_each=[
            float(paid_for(asked.reward_model, frames, said).mean()) for said in found["rlcf"].captions_after_each()
        ],
        protocol=asked.protocol("rlcf"),
        main="rlcf",
    )
    print(f"{report.headline} {report.verdict.sentence}")
    return report.save(RESULTS / "captions_page.html")


def described() -> Path:
    """Let a captioner say what the agent does."""
    page = RESULTS / "described_page.html"
    vlmrm(["caption", "describe", str(RUN), "--out", str(page), "--force"])
    return page


if __name__ == "__main__":
    picture(adapted(), RESULTS / "captions_page.png", height_px=1100)
    picture(described(), RESULTS / "described_page.png", height_px=900)
