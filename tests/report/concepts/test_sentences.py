"""Which sentences name a latent, and which do not."""

import numpy as np
import pytest
import torch

from tests.toys import unit
from vlmrm.errors import PromptError, SpecError
from vlmrm.report.concepts import read_sentences
from vlmrm.report.concepts.sentences import naming, nearest_sentences, require_sentences
from vlmrm.report.scorers import NONSENSE

AXES = torch.eye(32)
"""Texts lie along axes of their own, and all share the first one, as texts of one model do."""
NAMES = ["a red car", "a blue car", NONSENSE[0], *(f"sentence {i}" for i in range(3, 24))]
TEXTS = {name: torch.nn.functional.normalize(AXES[0] + AXES[1 + place], dim=0) for place, name in enumerate(NAMES)}


def frames_along(axis):
    """Forty frames, half of which have something of an axis, and which of them."""
    rows = unit(40, 32)
    rows[:20] += AXES[axis]
    return torch.nn.functional.normalize(rows, dim=1), (np.arange(40) < 20)[:, None]


def test_the_sentence_along_the_direction_names_the_latent():
    frames, active = frames_along(1)
    (nearest,) = nearest_sentences(AXES[1:2], active, frames, TEXTS)
    assert naming(nearest).text == "a red car"
    assert nearest[0].cosine > 0.9  # less the mean of all, the shared part is gone
    assert nearest[0].tells > 0.95


def test_a_sentence_that_does_not_tell_the_frames_names_nothing():
    frames, active = frames_along(2)
    (nearest,) = nearest_sentences(AXES[1:2], active, frames, TEXTS)
    assert nearest[0].text == "a red car"
    assert nearest[0].tells < 0.75
    assert naming(nearest) is None


def test_a_sentence_about_something_else_names_nothing():
    frames, active = frames_along(3)
    (nearest,) = nearest_sentences(AXES[3:4], active, frames, TEXTS)
    assert nearest[0].is_control
    assert naming(nearest) is None


def test_a_direction_that_is_near_to_none_has_no_name_though_one_is_nearest():
    frames, active = frames_along(30)
    direction = torch.nn.functional.normalize(AXES[30] + 0.2 * AXES[1], dim=0)
    frames = torch.nn.functional.normalize(frames + 0.3 * torch.from_numpy(active).float() * AXES[1], dim=1)
    (nearest,) = nearest_sentences(direction[None], active, frames, TEXTS)
    assert nearest[0].text == "a red car"
    assert nearest[0].tells >= 0.75
    assert naming(nearest) is None


def test_a_latent_that_is_always_active_tells_no_frames():
    frames, _ = frames_along(1)
    (nearest,) = nearest_sentences(AXES[1:2], np.ones((40, 1), dtype=bool), frames, TEXTS)
    assert nearest[0].tells is None
    assert naming(nearest) is None


def test_a_file_has_one_sentence_a_line(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("# of cars\na red car\n\n  a blue car  \na red car\n")
    assert read_sentences(path) == ["a red car", "a blue car"]


def test_a_file_of_one_sentence_or_of_none_is_refused(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("a red car\n")
    with pytest.raises(SpecError, match="at least 2 different sentences"):
        read_sentences(path)
    with pytest.raises(SpecError, match=r"none\.txt cannot be read"):
        read_sentences(tmp_path / "none.txt")
    with pytest.raises(PromptError, match="empty sentence"):
        require_sentences(["a red car", " "], "sentences")
