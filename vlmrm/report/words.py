"""Numbers as a sentence says them."""

from vlmrm.metrics import Estimate


def percent(share: float) -> str:
    """A share in percent, never rounded up to all or down to nothing, and without a minus before nothing.

    Example:
        >>> percent(0.66), percent(0.9994), percent(1.0), percent(0.0004), percent(-0.0004)
        ('66 %', '99.9 %', '100 %', '0.1 %', '0 %')
    """
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{min(max(100 * share, 0.1), 99.9):.1f} %"
    return f"{100 * share:z.0f} %"


def decimal(number: float, places: int = 2) -> str:
    """A number with so many places, without a minus before nothing.

    Example:
        >>> decimal(-0.001), decimal(0.456)
        ('0.00', '0.46')
    """
    return f"{number:z.{places}f}"


def points(found: Estimate) -> str:
    """A difference of shares in percentage points, with its interval.

    Example:
        >>> points(Estimate(value=0.123, low=0.01, high=0.2))
        '+12.3 points (+1.0 to +20.0)'
    """
    return f"{signed(found.value)} points ({signed(found.low)} to {signed(found.high)})"


def loses(lost: Estimate) -> str:
    """What is lost, or gained where less than nothing is lost, with its interval.

    Example:
        >>> loses(Estimate(value=0.5, low=0.25, high=0.75)), loses(Estimate(value=-0.5, low=-0.75, high=0.25))
        ('loses 0.500 [0.250, 0.750]', 'gains 0.500 [-0.250, 0.750]')
    """
    if round(lost.value, 3) >= 0:
        return f"loses {lost}"
    return f"gains {Estimate(value=-lost.value, low=-lost.high, high=-lost.low)}"


def signed(share: float) -> str:
    """A difference of shares in percentage points, without a sign before nothing; no line breaks after the minus.

    Example:
        >>> signed(0.123), signed(-0.0001), signed(-0.5) == "\N{MINUS SIGN}50.0"
        ('+12.3', '0.0', True)
    """
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0.0"
