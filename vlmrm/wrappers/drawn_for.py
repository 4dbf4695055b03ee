"""`drawn_for`: a task with its pictures as a reward reads them."""

from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import Task
from vlmrm.wrappers.fitting_frames import require_fitting_cameras


def drawn_for(task: Task, reward: FrameReward) -> Task:
    """Return a task with its pictures as a reward reads them: of the cameras and in the quality that it names.

    Cameras are told by their names: of a reward that joins ``side`` and ``front``, the picture of ``side`` comes first.

    Args:
        task: The task, with cameras and a quality of its own.
        reward: What reads the frames. One without a spec, as a function of frames, takes them as they are.

    Raises:
        SpecError: The reward joins cameras that the task does not have.
        PairingError: The task shows several cameras, and the reward reads one picture.

    Example:
        >>> from vlmrm import RewardModel
        >>> from vlmrm.rendering import Camera
        >>> from vlmrm.tasks import find_task
        >>> from dataclasses import replace
        >>> task = find_task("inverted_pendulum/upright")
        >>> side = Camera(track="cart", distance_m=2.0, azimuth_deg=0)
        >>> both = replace(task, camera=None, cameras={"front": task.camera, "side": side})
        >>> turned = replace(both.reward, cameras={"names": ["side", "front"]})
        >>> list(drawn_for(both, RewardModel.from_spec(turned)).drawn_cameras)
        ['side', 'front']
    """
    if reward.spec is None:
        return task
    placed = task.with_reward(reward.spec)
    require_fitting_cameras(None if placed.draws_itself else tuple(placed.drawn_cameras), reward)
    return placed
