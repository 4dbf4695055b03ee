"""The options of ``vlmrm caption``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from vlmrm.cli.arguments import Command
from vlmrm.training.options import open_option


@dataclass(frozen=True, kw_only=True)
class Caption(Command):
    """Train a captioner on composed rewards, or let one say what an agent does.

    vlmrm caption train training.toml --pictures pictures/ --held-out others/ --captions others.csv
    vlmrm caption describe runs/FOLDER
    vlmrm caption describe video.mp4 --captioner sim-cap --reward cartpole/upright

    A training goes on where it stopped; it writes metrics.csv, TensorBoard's files and the captioner.
    """

    what: Annotated[Positional[str], open_option("train|describe")] = ""
    """What to do."""
    source: Annotated[Positional[str], open_option("FILE|RUN|VIDEO")] = ""
    """To train: the options as a TOML file, with a table for each term. To describe: a run, or a video."""
    pictures: Annotated[str, open_option("FOLDER")] = ""
    """Pictures to train on; they need no captions."""
    held_out: Annotated[str, open_option("FOLDER")] = ""
    """Pictures that no update sees, on which the captioner is looked at now and then."""
    captions: Annotated[Path | None, open_option("FILE")] = None
    """Captions of the held-out pictures, as CSV or JSON; CIDEr-D with them then judges beside the reward."""
    judge: Annotated[str, open_option("MODULE:CLASS")] = ""
    """What knows the facts of the held-out pictures, as vlmrm_envs.table_judge:TableJudge; made from --truths."""
    truths: Annotated[Path | None, open_option("FILE")] = None
    """File that the judge reads with its method read, given the names of the pictures."""
    captioner: Annotated[str, open_option("NAME")] = "sim-cap"
    """To describe: who writes. Default: sim-cap."""
    reward: Annotated[str, open_option("SPEC")] = ""
    """To describe a video: a reward as .toml or .json, or a task by name or file. A run has its own."""
    every: Annotated[int, open_option("N")] = 10
    """To describe: frames from one caption to the next. Default: 10."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""
    out: Annotated[Path | None, open_option("PATH")] = None
    """Folder of the training, by default runs/ and the name of the file; or the page, by default describe.html."""
    force: bool = False
    """Write over a page that is there."""
