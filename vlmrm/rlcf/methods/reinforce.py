"""RLCF: make candidates more likely whose reward is above that of the others (ICLR 2024, arXiv 2305.18010, eq. 3).

    loss = mean_k A_k · CE(logits, k),     A = rewards of the K candidates less their baseline

Candidates are chosen anew in each step, so that an answer from outside the first K can come in.
"""

from collections.abc import Callable

from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import log_softmax

from vlmrm.rlcf.advantages import BASELINES
from vlmrm.rlcf.candidates import CHOICES
from vlmrm.rlcf.methods.evidence import Evidence, Loss, Rows
from vlmrm.rlcf.policy import Sight


def rlcf(evidence: Evidence) -> Loss:
    """Return the loss of REINFORCE over the candidates of each view."""
    rewards, choose = evidence.rewards(), choose_of(evidence)
    advantage = BASELINES[evidence.options.baseline]

    def loss(logits: Rows, _: Sight) -> Tensor:
        chosen = choose(logits)
        surprise = -log_softmax(logits, dim=1).gather(1, chosen)
        return (advantage(rewards.gather(1, chosen)) * surprise).mean()

    return loss


def choose_of(evidence: Evidence) -> Callable[[Rows], Int[Tensor, "r c"]]:
    """Return what chooses the candidates of each view from its logits."""
    options, random = evidence.options, evidence.random
    name = "all" if options.candidates is None else options.choice
    count = options.candidates or evidence.start.shape[1]
    return lambda logits: CHOICES[name](logits, count, random)
