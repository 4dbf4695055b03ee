"""``vlmrm label``: frames labelled with one key each."""

from pathlib import Path

from vlmrm.cli.arguments import Label
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.cli.score import named_spec
from vlmrm.errors import SpecError
from vlmrm.labelling import LabelOptions, label
from vlmrm.rewards.model import RewardModel


def run(given: Label) -> int:
    """Serve the page until all is labelled, and print what came of it."""
    if not given.frames:
        raise SpecError("give frames to label: pictures, folders of pictures, videos or .npy arrays.")
    if given.in_order and given.reward:
        raise SpecError("--reward decides the order of frames, and --in-order leaves it as it is; give one of them.")
    reward = RewardModel.from_spec(named_spec(given.reward), device=given.device) if given.reward else None
    options = LabelOptions(rater=given.rater, in_order=given.in_order, open_browser=given.browser)
    summary = label(
        given.frames,
        given.labels or _beside(given.frames[0]),
        options,
        reward=reward,
        tell=lambda text: print(text, flush=True),
        progress=frame_progress("read"),
    )
    print(summary)
    return 0


def _beside(frames: str) -> Path:
    """In a folder of frames, beside a file of them."""
    path = Path(frames)
    return (path if path.is_dir() else path.parent) / "labels.csv"
