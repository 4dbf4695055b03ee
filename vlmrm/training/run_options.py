"""Groups of a `TrainConfig` about how a run is judged, what it writes and what computes; see `options`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from vlmrm.errors import SpecError
from vlmrm.training.options import open_option, require_counts
from vlmrm.values import require_share


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """How the agent is judged, on the simulator's state."""

    every: Annotated[int | None, open_option("N", "eval-every")] = None
    """Steps between two evaluations. Default: the task's, else a twentieth of all steps, and more where all evaluations
    and videos would else take more than a third of the steps."""
    episodes: Annotated[int | None, open_option("N", "eval-episodes")] = None
    """Episodes of one evaluation; 0 for none. Default: 20, or fewer so that the third is kept."""
    drawn: Annotated[int, arg(name="eval-drawn")] = 1
    """How many of these are drawn and scored; the others run without pictures, many times faster."""
    second_reward: Annotated[str | None, open_option("NAME|FILE", "eval-second-reward")] = None
    """A second reward for the drawn evaluation episodes, on which nothing is trained: where it falls while the first
    one rises, the agent fools the first. The name of a model, for the same sentences, or a .toml or .json file."""
    best_by: Literal["success", "vlm_return"] = "success"
    """What the agent that is kept as the best is chosen by. success: most successes in an evaluation, then the
    environment's own return. vlm_return: the highest mean text return of the drawn episodes, which needs no success
    test; with few drawn episodes (--eval-drawn) it goes by luck."""
    final_episodes: Annotated[int | None, open_option("N")] = None
    """Episodes of the last evaluation and of the random policy's; 0 for none. Default: 20, or fewer so that the third
    is kept."""
    success_target: float = 0.9
    """Share of successes that counts as learnt, for the number of steps to success."""

    def __post_init__(self) -> None:
        require_counts(self, "every")
        for name in ("episodes", "final_episodes"):
            if getattr(self, name) != 0:
                require_counts(self, name)
        most = 20 if self.episodes is None else max(self.episodes, 1)
        if not 0 <= self.drawn <= most:
            raise SpecError(f"evaluation.drawn must lie in 0 to episodes={most}; got {self.drawn}.")
        if self.second_reward is not None and not self.drawn:
            raise SpecError(
                "evaluation.second_reward looks at drawn episodes, and there are none: ask for at least 1 with "
                "--eval-episodes and --eval-drawn."
            )
        if self.best_by == "vlm_return" and not self.drawn:
            raise SpecError(
                "evaluation.best_by='vlm_return' compares the text returns of drawn episodes, and there are none: ask "
                "for at least 1 with --eval-drawn."
            )
        require_share("success_target", self.success_target)
        if not self.success_target:
            raise SpecError("success_target must be above 0: every agent reaches a target of 0.")


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What the run writes, and where."""

    folder: Annotated[Path | None, open_option("FOLDER", "out")] = field(
        default=None, metadata={"read": lambda value, where: None if value is None else Path(value)}
    )
    """Folder that the run is written to. Default: a new folder in runs/."""
    checkpoint_every: Annotated[int | None, open_option("N")] = None
    """Steps between two checkpoints. Default: as between two evaluations."""
    videos: bool = True
    """Record an episode before and after training."""
    tensorboard: bool = True
    """Write TensorBoard files."""
    export_sb3: bool = False
    """Also write model.zip for Stable-Baselines3. Loading such a file runs code that is in it."""

    def __post_init__(self) -> None:
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder))  # a text will do
        require_counts(self, "checkpoint_every")


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """What computes."""

    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""
    precision: Annotated[Literal["fp32", "bf16", "fp16"] | None, open_option("NAME")] = None
    """Precision of the encoder: fp32, bf16 or fp16. Default: what suits the device."""
    batch_size: Annotated[int | None, open_option("N")] = None
    """Frames that the encoder takes at a time; changes the speed and no reward. Default: 32 on a CPU, else 256."""
    threads: Annotated[int | None, open_option("N")] = None
    """CPU threads of torch; fewer are faster where other programs use the cores. Default: torch's own."""

    def __post_init__(self) -> None:
        require_counts(self, "threads", "batch_size")
