"""What the tests of improving share: options, and labels as a person would give them."""

import json
from dataclasses import replace

from vlmrm.data import Label, LabelTable
from vlmrm.improving import ImproveOptions

ORACLE = ImproveOptions(labels=12, labelled_by="oracle", rollouts=2, exploit_search=40)
PERSON = replace(ORACLE, labelled_by="person")


def rows_to_label(folder):
    return json.loads((folder / "frames.json").read_text())["frames"]


def label_all(folder, say):
    """Label the frames of a round as a person would, by what is noted of each; None: left without a label."""
    said = {row["frame"]: say(row) for row in rows_to_label(folder)}
    labels = (Label(frame=name, in_goal=bool(in_goal)) for name, in_goal in said.items() if in_goal is not None)
    LabelTable(labels=tuple(labels)).write(folder / "labels.csv")


def is_bright(row):
    return row["state"]["brightness"] >= 0.5
