"""Paths in the names of models, which a file that names a model keeps relative to itself."""

import re
from collections.abc import Callable

_JOINT = " + "
_WEIGHT = r"[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*\*\s*"
_FOLDER = r"(?:[\w-]+:)*local-dir:"
_CHECKPOINT = r"[^/:]+/(?:[^/:]+:(?=.)|(?=.*/)|(?=.*\.(?:safetensors|pt|pth|bin|ckpt)$))"
_NAME = re.compile(rf"(\s*(?:{_WEIGHT})?(?:{_FOLDER}|{_CHECKPOINT}))(.+)")


def with_paths(name: str, change: Callable[[str], str]) -> str:
    """The name of a model, or of an ensemble, with other paths in it.

    Args:
        name: As `vlmrm.encoders.load_encoder` takes it, or ``local-dir:FOLDER`` of a judge.
        change: Takes a path and returns the one to write in its place.

    Example:
        >>> with_paths("0.5*sim-s + 0.5*hf-image:local-dir:clip", "/models/{}".format)
        '0.5*sim-s + 0.5*hf-image:local-dir:/models/clip'
        >>> with_paths("ViT-B-32/openai:w.pt", "/models/{}".format), with_paths("ViT-B-32/openai", "/models/{}".format)
        ('ViT-B-32/openai:/models/w.pt', 'ViT-B-32/openai')
    """
    found = [(part, _NAME.fullmatch(part)) for part in name.split(_JOINT)]
    return _JOINT.join(part if match is None else match[1] + change(match[2]) for part, match in found)
