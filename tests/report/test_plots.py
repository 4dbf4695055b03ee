"""Figures of pages."""

import re

from vlmrm.report.plots import draw_lines


def test_every_line_is_drawn_and_named_and_no_two_look_alike():
    names = [f"reward {number}" for number in range(9)]
    svg = draw_lines({name: [(0, 0.0), (10, 1.0)] for name in names}, "success")
    assert all(f">{name}<" in svg for name in names)
    looks = re.findall(r'clip-path=[^>]*style="([^"]*stroke-width: 1.6[^"]*)"', svg)
    assert len(looks) == len(set(looks)) == 9
