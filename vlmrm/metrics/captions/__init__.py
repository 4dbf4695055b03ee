"""How good captions are: by references (CIDEr-D, BLEU), by a model (CLIPScore), and by themselves (repetition)."""

from vlmrm.metrics.captions.bleu import Bleu, bleu
from vlmrm.metrics.captions.by_model import clip_scores, count_cut_off, recall_at, ref_clip_scores
from vlmrm.metrics.captions.cider import CiderScores, DocumentFrequencies, cider_d
from vlmrm.metrics.captions.words import plain_words, repetition, share_repeated

__all__ = [
    "Bleu",
    "CiderScores",
    "DocumentFrequencies",
    "bleu",
    "cider_d",
    "clip_scores",
    "count_cut_off",
    "plain_words",
    "recall_at",
    "ref_clip_scores",
    "repetition",
    "share_repeated",
]
