"""rl_zoo3 trains with our wrapper in its YAML, and keeps the best agent by our reward."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

DOCS = Path(__file__).parents[2] / "docs" / "training.md"


def test_it_trains_and_evaluates_on_the_reward_of_the_frames(tmp_path):
    (hyperparameters,) = re.findall(r"^```yaml\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    (tmp_path / "dqn.yml").write_text(hyperparameters.replace("!!float 1e5", "600") + "  learning_starts: 50\n")
    command = [
        *(sys.executable, "-m", "rl_zoo3.train", "--algo", "dqn", "--env", "CartPole-v1", "-conf", "dqn.yml"),
        *("--env-kwargs", "render_mode:'rgb_array'", "--eval-env-kwargs", "render_mode:'rgb_array'"),
        *("--eval-freq", "200", "--eval-episodes", "2", "--n-eval-envs", "1", "-f", "logs", "--seed", "0"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path / "logs" / "dqn" / "CartPole-v1_1"
    assert (folder / "best_model.zip").is_file()
    with np.load(folder / "evaluations.npz") as kept:
        returns, steps = kept["results"], kept["ep_lengths"]
    assert len(returns) >= 3
    assert (np.abs(returns - steps) > 0.01).all()  # CartPole's own return is the number of steps
    assert (returns < steps).all()
