"""A new scene is a file: generic code takes its record, and with a row and a TOML everybody finds it by name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import random_pictures
from vlmrm_envs.sentences import FALSE, Grammar, Sentence, log_truths

from tests.envs.lamp import SCENE as LAMP
from vlmrm.frames.preprocessing import Preprocessing

ROOT = Path(__file__).parent.parent.parent
AS_IT_IS = Preprocessing(size_px=64, mean=(0.5,) * 3, std=(0.5,) * 3)


def shown_at(frame):
    """Where the red of a picture is, from its middle in units of 24 px."""
    red = (frame[..., 0].astype(int) - frame[..., 1]) > 60
    return (np.nonzero(red)[1].mean() - 31.5) / 24


def test_pictures_of_a_scene_from_outside_show_the_state_that_is_recorded():
    frames, states = random_pictures(LAMP, 20, seed=0, preprocessing=AS_IT_IS, own_look=1.0)
    np.testing.assert_allclose([shown_at(frame) for frame in frames], states["position"], atol=0.03)
    assert list(states.columns) == ["position", "thing", "ground"]


def test_half_of_the_pictures_of_a_scene_from_outside_have_other_colours():
    frames, states = random_pictures(LAMP, 200, seed=0, preprocessing=AS_IT_IS)
    white = (frames[:, 0, 0] > 250).all(axis=1)
    assert 0.4 < white.mean() < 0.65
    assert len(set(states["thing"])) > 5


def test_sentences_about_a_scene_from_outside_are_true_of_its_pictures_alone():
    middle, right = Sentence("the lamp is in the middle", LAMP, 0), Sentence("the lamp is on the right", LAMP, 2)
    _, lamps = random_pictures(LAMP, 50, seed=1, preprocessing=AS_IT_IS)
    _, poles = random_pictures(find_scene("pendulum"), 5, seed=1, preprocessing=AS_IT_IS)
    truth = log_truths([middle, right], [lamps, poles])
    np.testing.assert_allclose(truth[:50, 0], (-0.5 * (lamps["position"] / 0.2) ** 2).clip(FALSE), rtol=1e-4)
    assert ((truth[:50, 1] > np.log(0.5)) == (lamps["position"] > 0)).all()
    assert (truth[50:] == FALSE).all()


def test_every_sentence_about_a_scene_from_outside_is_listed_and_its_prompts_are_kept_out():
    prompt = "the lantern shines on the left"
    open_grammar, grammar = Grammar([], [LAMP]), Grammar([prompt], [LAMP])
    listed, rng = set(grammar.every_composed_sentence()), np.random.default_rng(0)
    assert {"a lamp on a wire", "the lamp shines in the middle", "a lamp shining on the right"} <= listed
    assert {grammar.sample(rng, LAMP, concept).text for concept in (None, 0, 1, 2) for _ in range(50)} <= listed
    assert prompt not in listed
    assert prompt in {open_grammar.sample(rng, LAMP, 1).text for _ in range(300)}


@pytest.fixture
def with_a_row(tmp_path):
    """A copy of the installed package with the scene's file, its row in the table and a task."""
    package = tmp_path / "vlmrm_envs"
    shutil.copytree(ROOT / "envs" / "vlmrm_envs", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).parent / "lamp.py", package / "scenes")
    table, last = package / "scenes" / "__init__.py", '    "humanoid": "Humanoid",\n'
    text = table.read_text()
    assert last in text
    table.write_text(text.replace(last, f'{last}    "lamp": "Lamp",\n'))
    task = (package / "catalogue" / "pendulum" / "upright.toml").read_text()
    for theirs, ours in {  # the pendulum's task with other words and bounds
        "pendulum/upright": "lamp/right",
        "Pendulum-v0": "Lamp-v0",
        '{ goal = "upright" }': "{}",
        "a pendulum standing straight up, balanced above its pivot": "a lantern at the right end of its wire",
        "a pendulum on its pivot": "a lantern and a wire",
        "angle_deg = [-12, 12]": "position_m = [0.5, 1]",
        '"angle_deg"': '"position_m"',
        "180.0": "1.0",
    }.items():
        assert theirs in task
        task = task.replace(theirs, ours)
    (package / "catalogue" / "lamp").mkdir()
    (package / "catalogue" / "lamp" / "right.toml").write_text(task)
    return tmp_path


CODE = """
import sys
import gymnasium as gym
import vlmrm_envs as envs
from vlmrm_envs.scenes import find_scene
sys.path.insert(0, sys.argv[1])
from builtin_batches import Batches
from builtin_frames import load_or_draw
from builtin_sizes import SIZES
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    env = gym.make("vlmrm_envs:vlmrm/Lamp-v0", render_mode="rgb_array")
    assert type(env.unwrapped) is find_scene("lamp").environment
    drawn = envs.labelled_frames("lamp/right", 40, seed=0, size_px=64)
    assert 8 <= drawn.in_goal.sum() <= 12, drawn.in_goal.sum()
    config = replace(SIZES["sim-xs"], scenes=("lamp", "pendulum"), work=Path(sys.argv[2]))
    frames, states = load_or_draw(config, lambda scene: 20, 0)
    batches = Batches(states, pictures=[5, 5], sentences=[6, 6], seed=0)
    assert "a lantern and a wire" in batches.kept_away_from
    assert [sentence.scene.name for sentence in batches.draw(0)[1]] == ["lamp"] * 6 + ["pendulum"] * 6
    print(tuple(frames.shape))
"""


def test_with_a_row_and_a_task_gymnasium_labelled_frames_and_training_find_it(with_a_row, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CODE)
    command = [sys.executable, str(script), str(ROOT / "scripts"), str(tmp_path / "work")]
    paths = os.pathsep.join([str(with_a_row), str(ROOT)])
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "(40, 64, 64, 3)"


def test_the_lamp_is_not_one_of_ours():
    assert "lamp/right" not in envs.tasks()
