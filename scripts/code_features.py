"""Which files know a feature of the library by name; `measure_code.py` prints how many."""

import re

FEATURES = {
    "milestones": "milestone", "cocoop": "cocoop|conditional",
    "clips": r"clips|(?<!auto)clip_?(frames|options)|over_time[/.]clip",
    "posterior": "posterior|laplace|frame_?noise|uncertain", "judge": "(?<!^_)judge(?!d$|_?success|_found)|yes_?no",
    "few_shot": "few_?shot", "views": "views|view_?(encoder|rows)|place_crops", "auto_clip": "auto_?clip",
    "factored": "factor(s|ed)(?![a-z])", "pseudo_labels": "pseudo_?label|find_?support|bank", "x_clip": "x_?clip",
}  # fmt: skip
OTHER_MEANING = {
    "views": (r"vlmrm/(rlcf|search|cli)/", r"\bfeatures\.views\b"),
    "judge": (  # what knows what is true of a picture, and the function that gives a verdict
        r"caption|held_out|describe|vlmrm/(cli/adapt|rlcf/)|report/(evaluation|verdict)",
        r"\bvlmrm\.judges\b|yes_?no",
    ),
}
"""Rooms where a feature's word means something else, and what only those say there that know the feature itself."""


def knowing(feature: str, said: dict[str, set[str]]) -> list[str]:
    """Files that say a feature's name and are not its own.

    Args:
        feature: One of FEATURES.
        said: Identifiers, modules and strings of each file, by its path.
    """
    word = FEATURES[feature]
    rooms, itself = OTHER_MEANING.get(feature, ("^$", word))
    needed = {path: itself if re.search(rooms, path) else word for path in said}
    others = [path for path in said if re.search(rooms, path) or not re.search(word, path)]
    return [path for path in others if any(re.search(needed[path], one, re.I) for one in said[path])]
