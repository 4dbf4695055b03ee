"""What a person is asked to label in a round, and what is said of frames that do not count."""

import shlex
from pathlib import Path

from vlmrm.improving.round_folder import RoundFolder


def what_to_label(files: RoundFolder, reward: Path) -> str:
    """Return what a person has to do where no frame of a round has a label that counts.

    Args:
        files: Files of the round.
        reward: File of the reward before the round, whose goal the page of `vlmrm label` asks for.

    Raises:
        FrameError: The table of labels cannot be read, or a row of it names no frame of the round.
        RunError: ``frames.json`` is damaged.
    """
    disputed, proposed = len(files.read_disputed()), len(files.read_names())
    paths = shlex.join(map(str, (files.frames, "--labels", files.labels, "--reward", reward)))
    if disputed:
        others = f", and the other {proposed - disputed} wait for labels" if disputed < proposed else ""
        what = (
            f"raters disagree on {disputed} of {proposed} frames{others}. Settle these, each under a rater's own name"
        )
        return f"{files.name}: {what}, and start the same again:\n\n  vlmrm label {paths} --rater NAME"
    what = f"{proposed} frames wait for labels. Label them"
    return f"{files.name}: {what}, and start the same again:\n\n  vlmrm label {paths}"


def what_is_left_out(files: RoundFolder, labels: int) -> str:
    """Return how many frames of a round count, and how many do not since raters disagree. Empty: all of them count.

    Args:
        files: Files of the round.
        labels: Number of frames with a label that counts.

    Raises:
        FrameError: The table of labels cannot be read, or a row of it names no frame of the round.
        RunError: ``frames.json`` is damaged.
    """
    disputed, proposed = len(files.read_disputed()), len(files.read_names())
    if labels == proposed:
        return ""
    said = f"; raters disagree on {disputed} of them" if disputed else ""
    return f"{labels} of {proposed} frames have a label; the others are left out{said}."
