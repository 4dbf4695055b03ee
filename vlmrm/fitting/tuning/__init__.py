"""Light tuners: an encoder, or its prompts, trained on a handful of labelled frames, at no cost when frames are scored.

- `tuners`: CLIP-SVD, CLIP-LoRA, CoOp and CoCoOp by `vlmrm.fitting.tune`.
- `robust`: FARE, an encoder tuned against attacks on pixels, without labels.
- `options`: what each method may be told.
- `train`: the loss that all of them lower, and how.
- `prompts`: goal and baseline as learned embeddings.
"""
