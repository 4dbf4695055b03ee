"""Makes `tests.toys` importable everywhere, also in the worker processes of vector environments."""

import gc
import os
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)  # worker processes inherit sys.path
if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    os.environ.setdefault("MUJOCO_GL", "egl")  # before anything imports mujoco

from tests.shape_checks import spare_functions_without_arrays  # noqa: E402  # found once the path is set

spare_functions_without_arrays()  # before anything imports the package


def pytest_collection_finish():
    """Let the collector pass over what imports made: it would go through millions of objects again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def pipes_are_collected_here():
    """Close what a test left open, and warn of it, before the next one; the collector looks at nothing older."""
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()


@pytest.fixture
def red_reward():
    """A reward model whose reward of a frame is its share of red."""
    from tests.toys import red_reward

    return red_reward()


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty cache, and a hub that refuses every connection."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hub"
