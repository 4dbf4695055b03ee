"""Shapes that cross a border between two stages, as types.

Axis letters mean one thing everywhere: ``n`` batch, ``h w`` pixels, ``d`` embedding, ``k`` prompts, ``a`` alphas,
``e`` environments, ``t`` steps. The shapes are checked while the tests run.
"""

from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

Frames = UInt8[Tensor, "n h w 3"]
"""RGB, 0..255, channels last, as Gymnasium renders."""

Levels = Float[Tensor, "n h w 3"]
"""Frames as floats that are still 0..255, so that gradients can reach them."""

Pictures = Shaped[Tensor, "n h w 3"]
"""Frames or levels."""

Pixels = Float[Tensor, "n 3 s s"]
"""What a vision tower takes: square, channels first, normalised by the model's own mean and deviation."""

Embeddings = Float[Tensor, "n d"]
"""float32 rows of unit length."""

Rewards = Float[Tensor, " n"]
"""One reward per frame."""
