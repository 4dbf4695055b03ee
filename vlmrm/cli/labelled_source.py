"""The labelled frames that options name: two folders, frames with a table, or a video with times."""

from pathlib import Path

from vlmrm.cli.arguments import Report, Search
from vlmrm.cli.audit_arguments import Audit
from vlmrm.data import FrameSource, LabelledFolder, LabelledVideo, TwoFolders
from vlmrm.errors import SpecError


def source_of_files(given: Report | Search | Audit) -> FrameSource | None:
    """Return the labelled frames of files; None: the options name a task.

    Args:
        given: Exactly one kind of labels.

    Raises:
        SpecError: There are two kinds of labels, or no source.
        FrameError: A file is missing or cannot be read.
    """
    path = Path(given.source)
    if given.success or given.failure:
        _refuse(given, "success and --failure", "source", "labels", "goal_at")
        return TwoFolders(success=given.success, failure=given.failure)
    if not given.source:
        raise SpecError("give labelled frames: a task, FRAMES with --labels, a video with --goal-at, or --success.")
    if given.labels is not None:
        _refuse(given, "labels", "goal_at")
        return LabelledFolder(frames=path, labels=given.labels)
    return LabelledVideo(video=path, goal=given.goal_at) if given.goal_at else None


def require_source(given: Audit) -> None:
    """Refuse labels where no frames are named that they could be of.

    Args:
        given: Options that name a task.

    Raises:
        SpecError: There are labels.
    """
    for name in ("labels", "goal_at"):
        if getattr(given, name):
            option = f"--{name.replace('_', '-')}"
            raise SpecError(
                f"{option} is of frames, and no SOURCE names any: the states of a task have labels. Leave it out."
            )


def no_labels(source: str) -> SpecError:
    """Return what to say of frames that nobody has labelled.

    Args:
        source: Name of the frames.
    """
    return SpecError(
        f"nothing says which frames of {source} show the goal. Give --labels, a CSV file with the columns frame and "
        "in_goal (`vlmrm label` makes one), or --goal-at for a video."
    )


def _refuse(given: Report | Search | Audit, option: str, *others: str) -> None:
    for other in others:
        if getattr(given, other):
            name = "SOURCE" if other == "source" else f"--{other.replace('_', '-')}"
            raise SpecError(f"--{option} are the labels already; {name} has no effect beside them.")
