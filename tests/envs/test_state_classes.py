"""Pictures of states that exclude each other."""

import numpy as np
import pytest
from vlmrm_envs import state_classes
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates
from vlmrm_envs.state_classes import state_pictures, state_sentences

from vlmrm.errors import FrameError


def test_there_are_at_least_80_classes_of_nine_scenes_with_a_sentence_each():
    sentences = state_sentences()
    scenes = [find_scene(name) for name in SCENES]
    assert sum(len(scene.classes) > 0 for scene in scenes) == 9
    assert len(sentences) == len(set(sentences)) == sum(len(scene.classes) for scene in scenes) >= 80
    for scene in scenes:
        assert set(scene.classes) <= {concept.phrases[0] for concept in scene.concepts}


def test_a_picture_has_the_one_class_that_is_true_of_it(monkeypatch):
    monkeypatch.setattr(state_classes, "_FIRST", ("pendulum",))
    monkeypatch.setattr(state_classes, "SCENES", {})
    monkeypatch.setattr(state_classes, "_AT_ONCE", 48)
    drawn = state_pictures(2, seed=5, size_px=32)
    again = state_pictures(2, seed=5, size_px=32)
    assert np.bincount(drawn.labels).tolist() == [2] * 8
    assert np.array_equal(drawn.labels, again.labels)
    assert bool((drawn.frames == again.frames).all())
    assert drawn.classes == tuple(state_sentences())
    with pytest.raises(FrameError, match="at least 1"):
        state_pictures(0, seed=5)


def test_states_between_two_classes_have_none():
    angles = np.radians([0.0, 45.0, 22.5, 180.0])  # upright, right, between both, hanging
    shown = SceneStates.of(find_scene("pendulum"), angle=angles, second=np.zeros(4), position=np.zeros(4))
    assert state_classes._classes(shown).tolist() == [0, 1, -1, 4]
