"""``vlmrm play``: a trained agent at work."""

from vlmrm.cli.arguments import Play
from vlmrm.errors import SpecError
from vlmrm.training.playing import play_run, watch_run


def run(given: Play) -> int:
    """Play, and say what happened."""
    if given.window and given.out is not None:
        raise SpecError("--window shows the episode and writes no file; leave out --out.")
    if given.window:
        played = watch_run(given.run_folder, seed=given.seed, best=given.best)
    else:
        played = play_run(given.run_folder, seed=given.seed, best=given.best, out=given.out)
    goal = "" if played.in_goal is None else f", {played.in_goal} of them in the goal"
    print(f"seed {played.seed}: {played.steps} steps{goal}; the environment's own return is {played.env_return:g}")
    if played.video is not None:
        print(f"wrote {played.video}")
    return 0
