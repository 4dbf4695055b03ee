"""One sentence for each picture of a scene, and how true it is: what the captioner `sim-cap` says.

All captions of a scene are worded alike, with the first noun, form and phrase of its record, so that a caption says
what is seen and not how somebody would word it.

>>> from vlmrm_envs.scenes import find_scene
>>> states = SceneStates.of(find_scene("pendulum"), angle=np.radians(range(-180, 180)))
>>> captions = state_captions(states)
>>> captions[180].text, captions[140].text
('the pendulum stands perfectly upright', 'the pendulum is tilted 40 degrees to the left')
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from jaxtyping import Float32

from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates
from vlmrm_envs.sentences import FALSE, Sentence, log_truths
from vlmrm_envs.wording import TRACK_PLACES

TRUE = np.log(0.5)
"""Log-truth above which a caption counts as true."""
CLEARLY_TRUE = np.log(0.8)
"""Log-truth that is asked of the caption of a state, so that a little beside it is true as well."""


@cache
def scene_captions(name: str) -> tuple[Sentence, ...]:
    """Return every caption of a scene: one for each concept and, where it has a track, each place on it.

    Args:
        name: Name of the scene.

    Example:
        >>> len(scene_captions("ant")), scene_captions("ant")[1].text
        (8, 'the ant is upside down')
    """
    scene = find_scene(name)
    wording = scene.wording
    nouns = {"t": wording.things[0], "p": wording.places[0]}
    said = [concept.phrases[0].format(**nouns) for concept in scene.concepts]
    captions = [Sentence(wording.stated[0].format(s=s, **nouns), scene, i) for i, s in enumerate(said)]
    for form in wording.stated_on_track[:1]:
        captions += [
            Sentence(form.format(s=s, w=place.phrases[0], **nouns), scene, i, place=j)
            for i, s in enumerate(said)
            for j, place in enumerate(TRACK_PLACES)
        ]
    return tuple(captions)


def state_captions(states: SceneStates) -> list[Sentence]:
    """Return the caption of each state: of all that is clearly true of it what is true of the fewest of the states.

    Args:
        states: Hundreds of states, spread as they are drawn, since they decide what is rare.
    """
    captions = scene_captions(states.scene.name)
    table = log_truths(list(captions), [states])
    often = (table > TRUE).mean(axis=0)
    rank = np.where(table > CLEARLY_TRUE, often, 2 - np.exp(table))  # where none is clearly true, the truest
    return [captions[i] for i in rank.argmin(axis=1)]


def caption_truths(texts: Sequence[str], states: Sequence[SceneStates]) -> Float32[np.ndarray, "n k"]:
    """Return how true captions are of pictures, as `log_truths` does; what is no caption of a scene is not true.

    Args:
        texts: k captions, from anywhere.
        states: What n pictures show, scene after scene.

    Example:
        >>> states = SceneStates.of(find_scene("ant"), tilt_deg=[175.0, 5.0])
        >>> caption_truths(["the ant is upside down", "the car is upside down"], [states]).round().tolist()
        [[0.0, -12.0], [-8.0, -12.0]]
    """
    table = np.full((sum(map(len, states)), len(texts)), FALSE, np.float32)
    known = [i for i, text in enumerate(texts) if text in _by_text()]
    table[:, known] = log_truths([_by_text()[texts[i]] for i in known], states)
    return table


@cache
def _by_text() -> Mapping[str, Sentence]:
    return {sentence.text: sentence for name in SCENES for sentence in scene_captions(name)}
