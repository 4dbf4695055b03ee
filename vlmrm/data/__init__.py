"""Where frames come from besides a running environment, and what is known of them.

- `read_frames`: pictures, folders of pictures, videos and ``.npy`` arrays.
- `LabelledFrames`: frames with what is known of each; `FrameSource` is whatever gives them batch by batch.
- `GivenFrames`: frames in memory as a source; `SeveralSources`: several sources as one.
- `TaskStates`: states of a task that its package makes on purpose; `Rollouts`: what a policy meets in it;
  `frames_of_task`: the first where there are any, else the second.
- `LabelledFolder`: a folder of pictures, or a file of frames, and a table of labels.
- `TwoFolders`: files that show the goal, and files that do not.
- `LabelledVideo`: a video, and when it shows the goal.
- `EpisodeFrames`: recorded episodes, labelled by a function.
- `LabelTable`: labels of frames by any number of raters; `Label` is one row.
- `agreement`: Cohen's kappa of two raters, as an `Agreement`.
- `read_scores`: `Scores` that something else gave the frames.
"""

from vlmrm.data.frame_files import FrameBatch, read_frames
from vlmrm.data.label_table import Label, LabelTable
from vlmrm.data.labelled import FrameSource, GivenFrames, LabelledFrames, SeveralSources
from vlmrm.data.labelled_episodes import EpisodeFrames
from vlmrm.data.labelled_files import LabelledFolder, TwoFolders
from vlmrm.data.labelled_video import LabelledVideo
from vlmrm.data.rater_agreement import Agreement, agreement
from vlmrm.data.score_files import read_scores
from vlmrm.data.scores import Scores
from vlmrm.data.task_frames import Rollouts, TaskStates, frames_of_task

__all__ = [
    "Agreement",
    "EpisodeFrames",
    "FrameBatch",
    "FrameSource",
    "GivenFrames",
    "Label",
    "LabelTable",
    "LabelledFolder",
    "LabelledFrames",
    "LabelledVideo",
    "Rollouts",
    "Scores",
    "SeveralSources",
    "TaskStates",
    "TwoFolders",
    "agreement",
    "frames_of_task",
    "read_frames",
    "read_scores",
]
