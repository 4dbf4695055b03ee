"""C-TPT: TPT that keeps the sentences of the classes apart, for calibration (ICLR 2024, arXiv 2403.14119).

loss = TPT's - diversity · mean_c || t_c - mean_c t ||
"""

from torch import Tensor

from vlmrm.rlcf.methods.entropy import marginal_entropy
from vlmrm.rlcf.methods.evidence import Evidence, Loss, Rows
from vlmrm.rlcf.policy import Sight


def c_tpt(evidence: Evidence) -> Loss:
    """Return TPT's loss less the spread of the answers' embeddings."""

    def loss(logits: Rows, sight: Sight) -> Tensor:
        answers = sight.answers()
        spread = (answers - answers.mean(dim=0)).norm(dim=1).mean()
        kept_apart: Tensor = marginal_entropy(logits) - evidence.options.diversity * spread
        return kept_apart

    return loss
