"""Train an agent from sentences: the same as ``vlmrm train``, to copy and change.

    python scripts/train.py

Everything that can be set is a field of one of the groups of `TrainConfig`; `vlmrm train --help` explains each.
"""

import sys
from pathlib import Path

from vlmrm.training import (
    OutputOptions,
    RewardOptions,
    TrainConfig,
    TrainingStopped,
    TrainOptions,
    load_agent,
    resume,
    train,
)
from vlmrm.training.progress import Progress

CONFIG = TrainConfig(
    task="cartpole/upright",  # or env=EnvOptions(id="LunarLander-v3"), with a goal and a baseline
    reward=RewardOptions(
        goal=("pole vertically upright on top of the cart",),
        baseline=("pole and cart",),
        alpha=0.5,
        encoder="sim-s",  # or "ViT-L-14/openai", "ViT-B-16-SigLIP-512/webli", "local-dir:FOLDER" ...
    ),
    train=TrainOptions(hyperparameters={"learning_rate": 1e-3}, steps=40_000, seed=0),
    output=OutputOptions(folder=Path("runs/my-run")),
)


def main() -> None:
    """Train, or go on where an earlier call was stopped."""
    progress = Progress(sys.stderr)
    run = CONFIG.output.folder or Path()
    try:
        summary = resume(run, progress=progress) if (run / "config.json").exists() else train(CONFIG, progress=progress)
    except TrainingStopped as stopped:
        sys.exit(str(stopped))
    print(f"success of a random policy: {summary.random.success}")
    print(f"success of the trained agent: {summary.trained.success}")

    agent = load_agent(run)  # of Stable-Baselines3, ready to act
    print(f"it has {sum(p.numel() for p in agent.policy.parameters()):,} numbers; its video is {run / 'after.mp4'}")


if __name__ == "__main__":
    main()
