"""Heads: how the embedding of a frame becomes its score.

A spec names one: ``head = "softmax"`` is `softmax.py`, with its options, its formula and its head. A head of another
package is named by an entry point: ``[project.entry-points."vlmrm.heads"]``, ``name = "module:Options"``.
"""

from vlmrm.rewards.protocols import HeadOptions
from vlmrm.tables import Registry

HEADS: Registry[type[HeadOptions]] = Registry(
    "head",
    "vlmrm.heads",
    {
        "projection": "vlmrm.rewards.heads.projection:ProjectionOptions",
        "softmax": "vlmrm.rewards.heads.softmax:SoftmaxOptions",
        "contrast": "vlmrm.rewards.heads.contrast:ContrastOptions",
        "sigmoid": "vlmrm.rewards.heads.sigmoid:SigmoidOptions",
        "auto_clip": "vlmrm.rewards.heads.auto_clip:AutoClipOptions",
        "factored": "vlmrm.rewards.heads.factored:FactoredOptions",
        "cocoop": "vlmrm.rewards.heads.cocoop:CoCoOpOptions",
        "ensemble": "vlmrm.rewards.heads.ensemble:EnsembleOptions",
    },
)
"""Options of the heads, by the names that a spec gives."""

__all__ = ["HEADS"]
