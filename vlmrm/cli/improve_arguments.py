"""The options of ``vlmrm improve``."""

from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import arg

from vlmrm.cli.arguments import Command
from vlmrm.improving.options import ImproveOptions
from vlmrm.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Improve(Command):
    """Correct a reward by labels while an agent trains on it, round by round.

    vlmrm improve cartpole/upright --labels 40 --rounds 2
    vlmrm improve cartpole/upright --labels 40 --rounds 2 --labelled-by oracle
    vlmrm improve humanoid/kneeling --small --reward reward.toml --start-from runs/FOLDER

    In each round frames are proposed, of what the present agent does and of states that a search finds to be paid
    best; a person labels them by `vlmrm label`, or the task's success bounds do; the reward is corrected, and refused
    if it is worse on labels kept aside; and training goes on from the present agent. The same command goes on where it
    ended. The options of the training are those of `vlmrm train`; --out is the folder of the rounds.
    """

    improving: ImproveOptions = field(default_factory=ImproveOptions)
    """How the reward is corrected in each round."""
    config: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)
    """What is trained in each round, and how."""
