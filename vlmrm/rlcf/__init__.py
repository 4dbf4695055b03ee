"""The same reward adapts models: RLCF and its competitors, on one loop whose choices are values.

    query ─► views ─► candidates ─► reward ─► advantages ─► a few steps ─► prediction ─► back to the start

- `ClipClassifier`: zero-shot classification with any encoder; `TextGallery`, `PictureGallery`: retrieval.
- `Adapter`: adapts one of these to one query after the other; `AdaptOptions` and `PRESETS` are its choices.
- `Guard`: decides before, without labels, whether to adapt.
- `as_trl`, `preference_pairs`: the same reward for TRL's trainers.
"""

from vlmrm.rlcf.adapter import Adapter, Tuned
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.galleries import PictureGallery, TextGallery
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.hand_over import as_trl, preference_pairs
from vlmrm.rlcf.options import PRESETS, AdaptOptions, preset
from vlmrm.rlcf.views import ViewOptions

__all__ = [
    "PRESETS",
    "AdaptOptions",
    "Adapter",
    "ClipClassifier",
    "Guard",
    "PictureGallery",
    "TextGallery",
    "Tuned",
    "ViewOptions",
    "as_trl",
    "preference_pairs",
    "preset",
]
