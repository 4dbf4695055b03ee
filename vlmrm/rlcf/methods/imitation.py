"""Losses that imitate: the reward's own classification, or the policy's first answer.

kd             -sum_k softmax(z_reward) log softmax(z_policy)
at_kd          the same, of logits in units of their deviation, times the policy's deviation
pseudo_label   -log softmax(z_policy) at the answer most likely before adaptation
"""

from torch import Tensor
from torch.nn.functional import cross_entropy

from vlmrm.rlcf.methods.evidence import Evidence, Loss, Rows
from vlmrm.rlcf.policy import Sight

_SHARPNESS = 2.0  # factor on standardised logits, as ATKD of RLCF's baselines has it
_LEAST = 1e-6  # deviation


def kd(evidence: Evidence) -> Loss:
    """Return the cross-entropy with the reward's probabilities (Hinton et al. 2015, temperature 1)."""
    taught = evidence.reward_logits().softmax(dim=1)
    return lambda logits, _: cross_entropy(logits, taught)


def at_kd(evidence: Evidence) -> Loss:
    """Return the divergence from the reward's probabilities, both sides standardised by row (ATKD)."""
    taught = (_SHARPNESS * _standard(evidence.reward_logits())).softmax(dim=1)

    def loss(logits: Rows, _: Sight) -> Tensor:
        deviation = logits.std(dim=1, keepdim=True).clamp_min(_LEAST)
        log_chances = (_SHARPNESS * _standard(logits)).log_softmax(dim=1)
        divergence = taught * (taught.clamp_min(1e-30).log() - log_chances)
        return (divergence.sum(dim=1, keepdim=True) * deviation).mean()

    return loss


def pseudo_label(evidence: Evidence) -> Loss:
    """Return the cross-entropy with the mean answer of the chosen views before adaptation."""
    label = evidence.start.softmax(dim=1).mean(dim=0).argmax().expand(len(evidence.start))
    return lambda logits, _: cross_entropy(logits, label)


def _standard(logits: Rows) -> Rows:
    deviation = logits.std(dim=1, keepdim=True).clamp_min(_LEAST)
    standard: Rows = (logits - logits.mean(dim=1, keepdim=True)) / deviation
    return standard
