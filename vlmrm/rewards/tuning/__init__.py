"""Light tuners: an encoder, or its prompts, trained on a handful of labelled frames, at no cost when frames are scored.

- `tune`: CLIP-SVD or CLIP-LoRA; the tuned model is a folder that any reward can name as its encoder.
- `learn_conditional_prompts`, `ConditionalPrompts`: CoCoOp; words that depend on the picture.
- `learn_prompts`, `LearnedPrompts`: CoOp; goal and baseline as embeddings, and no weight of the model changed.
- `TUNERS`: the methods by name, with their options.
- `ranking_loss`: how wrongly rewards rank labelled frames, which all of them lower.
"""

from vlmrm.rewards.tuning.conditional import ConditionalPrompts
from vlmrm.rewards.tuning.fit import ranking_loss
from vlmrm.rewards.tuning.options import TUNERS
from vlmrm.rewards.tuning.prompts import LearnedPrompts
from vlmrm.rewards.tuning.tuners import learn_conditional_prompts, learn_prompts, tune

__all__ = [
    "TUNERS",
    "ConditionalPrompts",
    "LearnedPrompts",
    "learn_conditional_prompts",
    "learn_prompts",
    "ranking_loss",
    "tune",
]
