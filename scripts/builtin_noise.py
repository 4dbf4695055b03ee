"""What people write around a sentence, leave out of it, or put in that the model cannot know."""

import re

import numpy as np

UNKNOWN = "\u00a4"
"""A word whose tokens no sentence has: it stands for all that a model does not know."""

_ARTICLES = frozenset({"a", "an", "the"})
_SMALL = _ARTICLES.union(re.findall(r"\w+", "is are of its it that which with both all up on in at to"))
_BEFORE = (
    "a photo of {}", "a picture of {}", "an image of {}", "photo of {}", "image of {}", "a photo showing {}",
    "a picture showing {}", "an image that shows {}", "a rendering of {}", "a render of {}", "a screenshot of {}",
    "a screenshot where {}", "a frame in which {}", "a scene in which {}", "a scene with {}", "a video frame of {}",
    "a snapshot of {}", "a view of {}", "an illustration of {}", "a drawing of {}", "a simulation of {}",
    "in this picture, {}", "in this image {}", "in this frame, {}", "here {}", "we can see {}", "we see that {}",
    "this is {}", "there is {}", "this shows {}", "you can see {}", "the picture shows {}", "the image shows {}",
    "now {}",
)  # fmt: skip
_AFTER = (
    "{} in a simulation", "{} in the simulator", "{} in the picture", "{} on the screen", "{} in this frame",
    "{} here", "{}, seen from the side", "{} right now", "{} in mujoco", "{} in gymnasium", "{}, as we can see",
    "{} at the moment", "{} in the scene", "{}, nothing else", "{}.", "{} now",
)  # fmt: skip


def roughen(rng: np.random.Generator, text: str) -> str:
    """Write a sentence as somebody else might, without another meaning.

    Now and then it stands in a frame such as "a photo of", has no articles, lacks a small word, or has a word that is
    unknown, which may be one that matters: then the rest must do.

    Example:
        >>> roughen(np.random.default_rng(1), "the pole stands on its cart")
        'the pole stands on its cart'
    """
    words, chance = text.split(), rng.random(5)
    if chance[0] < 0.2:
        words = [word for word in words if word not in _ARTICLES] or words
    small = [i for i, word in enumerate(words) if word in _SMALL]
    if chance[1] < 0.1 and small and len(words) > 2:
        del words[int(rng.choice(small))]
    if chance[2] < 0.15 and len(words) > 1:
        place = int(rng.integers(len(words)))
        if rng.random() < 0.5:
            words[place] = UNKNOWN
        else:
            words.insert(place, UNKNOWN)
    rough = " ".join(words)
    if chance[3] < 0.12:
        rough = _BEFORE[int(rng.integers(len(_BEFORE)))].format(rough)
    if chance[4] < 0.12:
        rough = _AFTER[int(rng.integers(len(_AFTER)))].format(rough)
    return rough


def frame_words() -> set[str]:
    """The words of the frames."""
    return {word for form in _BEFORE + _AFTER for word in form.replace("{}", " ").replace(",", " ").split()}
