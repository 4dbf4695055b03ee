"""Where the next episode begins: at the model's own weights, at a slow mean of adapted ones, or where the last ended.

after each episode        m <- ema · m + (1 - ema) · adapted
every `ema_every` of them start <- (1 - u) · original + u · m,     u = ema_weight
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vlmrm.rlcf.options import AdaptOptions


class Start:
    """The numbers that tuned parameters have at the beginning of an episode.

    Args:
        parameters: What is tuned.
        options: Where episodes begin.

    Example:
        >>> weight = nn.Parameter(torch.zeros(1))
        >>> start = Start([weight], AdaptOptions(reset="ema", ema=0.9, ema_every=2))
        >>> for _ in range(2):
        ...     start.put([weight])
        ...     _ = nn.init.ones_(weight)
        ...     start.learn([weight])
        >>> start.put([weight])
        >>> round(weight.item(), 2)
        0.19
    """

    def __init__(self, parameters: Sequence[nn.Parameter], options: AdaptOptions) -> None:
        self._options = options
        self._original = _copies(parameters)
        self.forget()

    def forget(self) -> None:
        """Begin anew with the model's own weights, as for another set of pictures."""
        self.numbers = self._original
        """What each parameter is at the start."""
        self._mean = self._original
        self.episodes = 0
        """Number of episodes since then."""

    @torch.no_grad()
    def put(self, parameters: Sequence[nn.Parameter]) -> None:
        """Write the start into the parameters."""
        for parameter, numbers in zip(parameters, self.numbers, strict=True):
            parameter.copy_(numbers)

    @torch.no_grad()
    def learn(self, parameters: Sequence[nn.Parameter]) -> None:
        """Take the end of an episode into account."""
        self.episodes += 1
        if self._options.reset == "never":
            self.numbers = _copies(parameters)
        if self._options.reset == "ema":
            kept = self._options.ema
            pairs = zip(self._mean, parameters, strict=True)
            self._mean = [kept * mean + (1 - kept) * adapted.detach() for mean, adapted in pairs]
            if self.episodes % self._options.ema_every == 0:
                share = self._options.ema_weight
                both = zip(self._original, self._mean, strict=True)
                self.numbers = [(1 - share) * original + share * mean for original, mean in both]


def _copies(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in parameters]
