"""Captioners, adapted to one picture and trained by the same reward."""

from vlmrm.rlcf.captions.files import load_captioner, save_captioner
from vlmrm.rlcf.captions.image_text import ImageTextCaptioner
from vlmrm.rlcf.captions.mappers import MapperShape, with_noise
from vlmrm.rlcf.captions.prefix import PrefixCaptioner
from vlmrm.rlcf.captions.protocol import Captioner, Captions
from vlmrm.rlcf.captions.trainer import CaptionTrainer
from vlmrm.rlcf.captions.training_options import CaptionTraining
from vlmrm.rlcf.writing import Writing

__all__ = [
    "CaptionTrainer",
    "CaptionTraining",
    "Captioner",
    "Captions",
    "ImageTextCaptioner",
    "MapperShape",
    "PrefixCaptioner",
    "Writing",
    "load_captioner",
    "save_captioner",
    "with_noise",
]
