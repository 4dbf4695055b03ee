"""The expected reward of the candidates under the policy, without sampling: the exact policy gradient among them.

    loss = - sum_k p_k A_k,     p = softmax of the candidates' logits

Its gradient on the logits, ``-p_k (A_k - sum_j p_j A_j)``, fades as the policy settles on the best candidate. That of
`rlcf` does not depend on the policy at all, and goes on pushing.
"""

from torch import Tensor

from vlmrm.rlcf.advantages import BASELINES
from vlmrm.rlcf.methods.evidence import Evidence, Loss, Rows
from vlmrm.rlcf.methods.reinforce import choose_of
from vlmrm.rlcf.policy import Sight


def expected_reward(evidence: Evidence) -> Loss:
    """Return minus the expected advantage of the candidates of each view."""
    rewards, choose = evidence.rewards(), choose_of(evidence)
    advantage = BASELINES[evidence.options.baseline]

    def loss(logits: Rows, _: Sight) -> Tensor:
        chosen = choose(logits)
        chances = logits.gather(1, chosen).softmax(dim=1)
        return -(chances * advantage(rewards.gather(1, chosen))).sum(dim=1).mean()

    return loss
