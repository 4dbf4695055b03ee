"""A checkpoint that cannot be read is named and never guessed at, and nothing in a file is ever run."""

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.run.agents import make, without_python_random
from vlmrm.errors import RunError
from vlmrm.training.run.agent_state import read_state
from vlmrm.training.run.checkpoint import load_checkpoint, load_newest, save_checkpoint


@pytest.mark.parametrize("name", ["agent.safetensors", "replay.npz", "state.json", "manifest.json"])
def test_a_damaged_file_is_named_and_the_checkpoint_before_it_is_used(name, tmp_path):
    agent = make("DQN").learn(20)
    save_checkpoint(agent, tmp_path)
    good = without_python_random(read_state(agent).values)
    agent.learn(20, reset_num_timesteps=False)
    newest = save_checkpoint(agent, tmp_path)
    contents = bytearray((newest / name).read_bytes())
    contents[len(contents) // 2] ^= 0xFF
    (newest / name).write_bytes(contents)
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), newest)
    other = make("DQN", seed=1)
    used, faults = load_newest(other, tmp_path)
    assert used == tmp_path / "step-00000020"
    assert len(faults) == 1
    assert name in str(faults[0])
    assert without_python_random(read_state(other).values) == good


@pytest.mark.parametrize("name", ["agent.safetensors", "replay.npz", "state.json", "manifest.json"])
def test_a_file_that_is_cut_off_or_missing_is_named(name, tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    file = path / name
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), path)
    file.unlink()
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), path)


def test_with_every_checkpoint_damaged_nothing_is_guessed(tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    (path / "state.json").write_text("{}")
    with pytest.raises(RunError, match=r"no checkpoint .* can be read[\s\S]*state\.json"):
        load_newest(make("DQN"), tmp_path)


def test_a_run_without_checkpoints_says_so(tmp_path):
    assert load_newest(make("DQN"), tmp_path) == (None, [])


class Explosive:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["agent.safetensors", "replay.npz", "state.json"])
def test_no_code_in_a_file_is_ever_run(name, tmp_path):
    """Even where somebody put a pickle in place of a file and made the manifest fit."""
    proof = tmp_path / "was run"
    pickle.loads(pickle.dumps(Explosive(proof)))
    assert proof.exists()  # so the bait works
    proof.unlink()
    path = save_checkpoint(make("DQN").learn(20), tmp_path / "checkpoints")
    if name == "replay.npz":
        np.savez(path / name, rewards=np.array([Explosive(proof)], dtype=object))
    elif name == "agent.safetensors":
        torch.save(Explosive(proof), path / name)
    else:
        (path / name).write_bytes(pickle.dumps(Explosive(proof)))
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["sha256"][name] = hashlib.sha256((path / name).read_bytes()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), path)
    assert not proof.exists()


def test_a_checkpoint_of_another_algorithm_or_network_is_refused(tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    with pytest.raises(RunError, match="DQN, and the agent is PPO"):
        load_checkpoint(make("PPO"), path)
    with pytest.raises(RunError, match="other networks"):
        load_checkpoint(make("DQN", policy_kwargs={"net_arch": [16]}), path)
    with pytest.raises(RunError, match="40 rows of 1 env"):
        load_checkpoint(make("DQN", buffer_size=50), path)


def test_a_crash_while_writing_leaves_the_checkpoints_before_it_alone(tmp_path, monkeypatch):
    agent = make("DQN").learn(20)
    first = save_checkpoint(agent, tmp_path)
    agent.num_timesteps = 24

    def full_disk(*args, **kwargs):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("numpy.savez", full_disk)
        with pytest.raises(OSError, match="no space"):
            save_checkpoint(agent, tmp_path)
    assert list(tmp_path.iterdir()) == [first]
    load_checkpoint(make("DQN"), first)
