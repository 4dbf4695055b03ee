"""Plain tables for the terminal."""

from collections.abc import Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; numbers to the right.

    Example:
        >>> print(format_table(["frame", "reward"], [["a.png", "0.71"]]))
        frame  reward
        a.png    0.71
    """
    table = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    numeric = [all(_is_number(row[index]) for row in rows) and bool(rows) for index in range(len(widths))]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _is_number(cell: str) -> bool:
    return cell.strip("-+").replace(",", "").replace(".", "").rstrip("%").isdigit() or cell in ("", "-")
