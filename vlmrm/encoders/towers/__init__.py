"""What is inside the towers of an OpenCLIP model: what fitting a reward and test-time adaptation both change and read.

- `gradients`: `DifferentiableEncoder`, a copy of an encoder whose embeddings carry gradients.
- `selection`: `unfreeze`, to tune a tower, its normalisation layers or parameters by name.
- `low_rank`: `WeightChanges`, CLIP-LoRA and CLIP-SVD, which are merged or taken off again.
- `learned_words`: `add_context`, CoOp's learned words, with or without a template.
- `coop_file`: `read_coop`, files that CoOp's own code saves.
- `state`: `TowerState`, a model to be put back as it was.
- `attention`: where a vision tower looks.
- `projections`: the last linear maps, and the activations before them.
- `inner`: encoders of OpenCLIP and no others, and which tower a parameter belongs to.
"""
