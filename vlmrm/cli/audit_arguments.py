"""The options of ``vlmrm audit``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from vlmrm.cli.arguments import Command
from vlmrm.training.options import open_option

_FRAMES = "FRAMES [FRAMES ...]"


@dataclass(frozen=True, kw_only=True)
class Audit(Command):
    """Look for what fools a reward: sentences, pictures, borders of the goal, and pay for nothing.

    vlmrm audit cartpole/upright
    vlmrm audit reward.toml --task humanoid/kneeling
    vlmrm audit reward.toml frames/ --labels labels.csv
    vlmrm audit reward.toml --success up/ --failure down/
    vlmrm audit reward.toml --task cartpole/upright --probes negation borders

    The page opens without a network; the same numbers are beside it as JSON. What lacks something is left out, with the
    reason; see docs/audit.md.
    """

    reward: Annotated[Positional[str], open_option("SPEC")] = ""
    """The reward as .toml or .json, or a task by name or .toml file, whose own is taken."""
    source: Annotated[Positional[str], open_option("SOURCE")] = ""
    """A folder of pictures or a file of frames, with --labels; a video, with --goal-at."""
    task: Annotated[str, open_option("TASK")] = ""
    """Task or its .toml file, whose states are drawn. Default: the task that SPEC names."""
    labels: Annotated[Path | None, open_option("FILE")] = None
    """CSV file with the columns frame and in_goal."""
    success: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that show the goal, in the place of SOURCE."""
    failure: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that do not."""
    goal_at: Annotated[str, open_option("FROM-TO[,...]")] = ""
    """When a video shows the goal, in seconds, as 3-5.5,8-."""
    probes: Annotated[tuple[str, ...], open_option("NAME [NAME ...]")] = ()
    """Probes to carry out, also those of other packages. Default: all that come with this one."""
    frames: Annotated[int, open_option("N")] = 600
    """Number of states of a task. Default: 600."""
    seed: Annotated[int, open_option("N")] = 0
    """Decides the states, and what probes draw. Default: 0."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""
    out: Annotated[Path, open_option("FILE")] = Path("audit.html")
    """The page. Default: audit.html."""
    force: bool = False
    """Write over a page that is there."""
