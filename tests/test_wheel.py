"""What is installed: from a folder that holds somebody's own `envs`, the wheel trains, lists and loads."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("vlmrm", "envs", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing is left in the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            shutil.copy(source, folder / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*build, "--wheel-dir", folder / "dist", folder], check=True, capture_output=True)
    (found,) = (folder / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def somebodys(wheel, tmp_path_factory):
    """Runs Python in a folder with an `envs` package of its own, where the wheel is what is installed of ours."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("somebodys")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    (folder / "envs").mkdir()
    (folder / "envs" / "__init__.py").write_text("raise RuntimeError('this is not the package you want')\n")

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.site = str(site)
    return run


def test_nothing_in_the_wheel_is_called_envs(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = {name.split("/")[0] for name in packed.namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"vlmrm", "vlmrm_envs"}


def test_built_in_models_and_captioners_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    for folder in ("vlmrm/encoders/builtin", "vlmrm/rlcf/captions/builtin"):
        in_the_sources = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert in_the_sources
        assert in_the_sources <= set(names)


def test_tasks_are_listed_trained_and_loaded_beside_somebodys_envs(somebodys):
    trained = ["cartpole/upright", "--steps", "60", "--eval-episodes", "1", "--final-episodes", "1", "--no-videos"]
    somebodys("-m", "vlmrm", "train", *trained, "--out", "run")
    script = """
        from vlmrm.cli import main
        from vlmrm.training import load_agent
        import gymnasium as gym
        import vlmrm
        print(vlmrm.__file__)
        main(["tasks", "cartpole"])
        env = gym.make("vlmrm_envs:vlmrm/CartPole-v0")
        print(int(load_agent("run").predict(env.reset(seed=0)[0])[0]))
    """
    said = somebodys("-c", "\n".join(line.strip() for line in script.splitlines())).splitlines()
    assert said[0].startswith(somebodys.site)
    assert any("cartpole/upright" in line for line in said)
    assert said[-1] in {"0", "1"}
