"""Captioners, adapted to one picture and trained by the same reward."""

from vlmrm.rlcf.captions.files import load_captioner, save_captioner
from vlmrm.rlcf.captions.mappers import MapperShape, with_noise
from vlmrm.rlcf.captions.prefix import PrefixCaptioner
from vlmrm.rlcf.captions.protocol import Captioner, Captions
from vlmrm.rlcf.writing import Writing

__all__ = [
    "Captioner",
    "Captions",
    "MapperShape",
    "PrefixCaptioner",
    "Writing",
    "load_captioner",
    "save_captioner",
    "with_noise",
]
