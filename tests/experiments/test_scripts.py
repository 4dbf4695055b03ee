"""The scripts to copy run to their end as a user runs them, with tiny numbers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import imageio.v2 as imageio
import pytest

ROOT = Path(__file__).parent.parent.parent
TINY = {
    "ppo_text_reward": "--total-steps 40 --num-envs 2 --rollout-steps 20 --batch-size 20",
    "sac_text_reward": "--total-steps 40 --learning-starts 20 --rollout-steps 20 --batch-size 16 --success-last 9",
}


def run(script, video, *options):
    command = [sys.executable, f"experiments/{script}.py", *TINY[script].split(), "--video", str(video)]
    command += ["--episode-steps", "20", "--eval-episodes", "2", *options]
    one_core = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=one_core)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", TINY)
def test_a_script_trains_judges_and_films_its_agent(script, tmp_path):
    video = tmp_path / "new" / "agent.mp4"
    out = run(script, video)
    assert "trained for 40 steps" in out
    assert re.search(r"random policy: [012] of 2 succeed, ", out)
    assert re.search(r"trained agent: [012] of 2 succeed, ", out)
    with imageio.get_reader(video) as reader:
        assert reader.count_frames() == 20


def test_an_environment_that_reports_no_state_is_trained_in_and_not_judged(tmp_path):
    out = run("ppo_text_reward", tmp_path / "agent.mp4", "--env-id", "Pendulum-v1", "--success-where")
    assert "mean return" in out
    assert "succeed" not in out
