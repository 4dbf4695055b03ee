"""`ImproveOptions`: how many frames are labelled, by whom, and what is fitted to the labels."""

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import arg

from vlmrm.errors import SpecError
from vlmrm.exploits import ExploitSearch
from vlmrm.values import require_number, require_whole


@dataclass(frozen=True, kw_only=True)
class ImproveOptions:
    """How a reward is corrected in each round.

    Raises:
        SpecError: A number is impossible.
    """

    labels: Annotated[int, arg(metavar="N")] = 40
    """Frames to label in each round."""
    rounds: Annotated[int, arg(metavar="N")] = 1
    """Rounds of labelling, correcting and training, each on the agent and the labels of those before it."""
    labelled_by: Literal["person", "oracle"] = "person"
    """`person` stops in each round until `vlmrm label` has been used; `oracle` takes the task's own success bounds,
    which a user does not have."""
    method: Annotated[str, arg(metavar="NAME")] = "proker"
    """What is fitted, as in `vlmrm fit`: proker, tip_adapter, prototypes or goal_pictures; coop, cocoop, svd or
    lora."""
    kept_aside: Annotated[float, arg(metavar="SHARE")] = 0.4
    """Share of the labels of each kind that nothing is fitted to: they judge the corrected reward."""
    rollouts: Annotated[int, arg(metavar="N")] = 4
    """Episodes of the present agent whose frames may be chosen; half as many of one half of whose actions are random,
    and of random actions."""
    exploit_search: Annotated[int, arg(metavar="N")] = 600
    """States that a search for those paid best may score in each round; 0 for no search, and no
    states drawn at random either."""

    def __post_init__(self) -> None:
        require_whole("labels", self.labels, at_least=4)
        require_whole("rounds", self.rounds)
        require_whole("rollouts", self.rollouts)
        require_whole("exploit_search", self.exploit_search, at_least=0)
        if self.exploit_search:
            ExploitSearch(evaluations=self.exploit_search)  # refuses fewer than a climb takes
        require_number("kept_aside", self.kept_aside)
        if not 0 < self.kept_aside < 1:
            raise SpecError(
                f"kept_aside must lie between 0 and 1: some labels are fitted, and some judge what was fitted; got "
                f"{self.kept_aside!r}."
            )
