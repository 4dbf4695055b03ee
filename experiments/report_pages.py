#!/usr/bin/env python
"""Makes a report page of each kind, and a picture of the first for the README.

    python experiments/report_pages.py

A task's own reward with several alphas and a model that knows nothing of it; a folder of pictures with a table of
labels; a training run, which is trained first unless it is there. Pages go to
experiments/results/report_{task,folder,run}.html with the same numbers as JSON. The picture needs Debian's chromium;
without it the one that is there stays.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import vlmrm_envs as envs
from PIL import Image

from vlmrm.data import Label, LabelledFolder, LabelTable, TaskStates
from vlmrm.report import evaluate
from vlmrm.training.run_report import report_run

HERE = Path(__file__).resolve().parent
RESULTS, RUN = HERE / "results", HERE.parent / "runs" / "report_pages" / "pendulum"
_WIDTH_PX = 1000


def report_task() -> Path:
    """The kneeling humanoid, by a model that knows it and by one that does not."""
    task = envs.task("humanoid/kneeling")
    rewards = {name: replace(task.reward, encoder=name) for name in ("sim-m", "sim-s")}
    source = TaskStates(task=task, n=600, seed=0)
    return evaluate(rewards, source, alphas=(0.0, 0.5, 1.0)).save(RESULTS / "report_task.html")


def report_folder(folder: Path) -> Path:
    """Pictures of a car with a table of labels, as a person would have them."""
    drawn = envs.labelled_frames("mountain_car/flag", 160, seed=3, size_px=128)
    labels = []
    for i, (frame, inside) in enumerate(zip(drawn.frames.numpy(), drawn.in_goal.tolist(), strict=True)):
        Image.fromarray(frame).save(folder / f"{i:03}.png")
        labels.append(Label(frame=f"{i:03}.png", in_goal=inside, group=drawn.groups[i]))
    LabelTable(labels=tuple(labels)).write(folder / "labels.csv")
    source = LabelledFolder(frames=folder, labels=folder / "labels.csv")
    return evaluate({"sim-s": envs.task("mountain_car/flag").reward}, source).save(RESULTS / "report_folder.html")


def report_training() -> Path:
    """A pendulum trained from its sentence."""
    if not (RUN / "summary.json").is_file():
        vlmrm = str(Path(sys.executable).parent / "vlmrm")
        subprocess.run([vlmrm, "train", "pendulum/upright", "--final-episodes", "50", "--out", str(RUN)], check=True)
    return report_run(RUN).save(RESULTS / "report_run.html")


def picture(page: Path, drawn: Path, height_px: int = 1150) -> None:
    """Write the upper part of a page as PNG, as a browser shows it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium, so that the picture is left as it is")
        return
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        shot = [f"--window-size={_WIDTH_PX},{height_px}", f"--screenshot={drawn}"]
        subprocess.run([chromium, *options, *shot, page.as_uri()], check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    picture(report_task(), RESULTS / "report_task.png")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "car"
        folder.mkdir()
        report_folder(folder)
    report_training()
