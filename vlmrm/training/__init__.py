"""Training runs: from a configuration to a trained agent, its videos, curves and success rates.

- `TrainConfig`: what to train; the same record is the command line of ``vlmrm train`` and ``config.json``.
- `EnvOptions`, `RewardOptions`, `TrainOptions`, `EvaluationOptions`, `OutputOptions`, `MachineOptions`: its groups.
- `train`, `resume`: carry a run out, or on.
- `load_agent`: the trained agent of a run, ready to act.
- `Summary`: what came out; the same as ``summary.json``.
"""

from typing import TYPE_CHECKING, Any

from vlmrm.lazy import load_lazily
from vlmrm.training.config import TrainConfig
from vlmrm.training.options import EnvOptions, RewardOptions, TrainOptions
from vlmrm.training.run_options import EvaluationOptions, MachineOptions, OutputOptions

if TYPE_CHECKING:
    from vlmrm.training.outcome import Summary
    from vlmrm.training.run_parts import load_agent
    from vlmrm.training.runner import TrainingStopped, resume, train

__all__ = [
    "EnvOptions",
    "EvaluationOptions",
    "MachineOptions",
    "OutputOptions",
    "RewardOptions",
    "Summary",
    "TrainConfig",
    "TrainOptions",
    "TrainingStopped",
    "load_agent",
    "resume",
    "train",
]

_LAZY = {
    "Summary": "vlmrm.training.outcome",
    "TrainingStopped": "vlmrm.training.runner",
    "load_agent": "vlmrm.training.run_parts",
    "resume": "vlmrm.training.runner",
    "train": "vlmrm.training.runner",
}


def __getattr__(name: str) -> Any:
    """Load the parts that need torch when they are first asked for."""
    return load_lazily(__name__, _LAZY, name)
