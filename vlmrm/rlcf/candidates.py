"""Which answers an episode tries: the K most likely, K drawn without replacement, or all."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vlmrm.errors import SpecError, near_matches

Logits = Float[Tensor, "r k"]
Chosen = Int[Tensor, "r c"]


def top_k(logits: Logits, count: int, _: torch.Generator) -> Chosen:
    """The most likely answers of each row, as RLCF tries them."""
    return logits.topk(count, dim=1).indices


def gumbel_top_k(logits: Logits, count: int, random: torch.Generator) -> Chosen:
    """Answers drawn without replacement by their chances: the top of logits with Gumbel noise (arXiv 1903.06059)."""
    uniform = torch.rand(logits.shape, generator=random).clamp_min(1e-20).to(logits.device)
    return (logits.detach() - (-uniform.log()).log()).topk(count, dim=1).indices


def everything(logits: Logits, _: int, __: torch.Generator) -> Chosen:
    """All answers of each row."""
    return torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)


CHOICES: dict[str, Callable[[Logits, int, torch.Generator], Chosen]] = {
    "top": top_k,
    "gumbel": gumbel_top_k,
    "all": everything,
}
"""How candidates are chosen, by name."""


def require_choice(name: str) -> None:
    """Refuse a name that is no choice.

    Raises:
        SpecError: It is unknown.
    """
    if name not in CHOICES:
        raise SpecError(f"unknown choice of candidates {name!r}. Near: {near_matches(name, CHOICES)}.")
