"""`named`: the first few of many names, for messages."""

from collections.abc import Collection


def named(names: Collection[str], *, at_most: int = 5) -> str:
    """Return the first few of some names, and how many there are more.

    Args:
        names: At least one.
        at_most: How many to name.

    Example:
        >>> named(["a.png", "b.png", "c.png"], at_most=2)
        'a.png, b.png and 1 more'
    """
    first = ", ".join(list(names)[:at_most])
    return first if len(names) <= at_most else f"{first} and {len(names) - at_most} more"
