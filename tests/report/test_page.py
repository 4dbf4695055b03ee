"""Pages of reports in a browser, and what is drawn on them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vlmrm.report
from tests.browser import open_browser
from tests.report.captions import caption_report, described_report
from tests.report.test_adaptation import ADAPTED
from tests.report.test_adaptation import report as adaptation
from tests.report.test_evaluation import reds
from tests.toys import red_reward
from vlmrm.report import evaluate
from vlmrm.report.curves_over_state import curves_over_state
from vlmrm.report.map_over_state import map_over_state
from vlmrm.report.plots import draw_curves, draw_distributions, draw_map, draw_roc
from vlmrm.tasks import SuccessRule

RESULTS = Path(__file__).parents[2] / "experiments" / "results"
SHARES = [0.9, 0.85, 0.8, 0.3, 0.2, 0.1]
GOAL = [True, True, True, False, False, False]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    frames = reds(SHARES, GOAL, states={"angle_deg": np.arange(6.0)}, groups=["a", "a", "b", "b", "c", "c"])
    rewards = {"red <b>bold</b>": red_reward(), "constant": lambda frames: frames[:, 0, 0, 0] * 0.0}
    return evaluate(rewards, frames).save(tmp_path_factory.mktemp("page") / "report.html")


def outside(urls):
    """Requests but for those of the browser's own pages."""
    return [url for url in urls if not url.startswith("chrome:")]


MADE = {"adaptation": lambda: adaptation(ADAPTED), "captions": caption_report, "described": described_report}


@pytest.mark.parametrize("kind", ["report_task", "report_folder", "report_run", "rlcf_page", *MADE])
def test_a_page_of_each_kind_opens_without_errors_or_requests(browser, kind, tmp_path):
    made = MADE[kind]().save(tmp_path / f"{kind}.html") if kind in MADE else RESULTS / f"{kind}.html"
    address = made.as_uri()
    browser.open(address)
    browser.wait_for(lambda: browser.run("return document.readyState") == "complete")
    assert browser.console_errors() == []
    assert outside(browser.requests()) == [address]
    assert browser.run("return document.querySelectorAll('svg').length") >= (1 if kind == "described" else 2)
    broken = "return [...document.images].filter(image => !image.naturalWidth).length"
    assert browser.run(broken) == 0


def test_names_are_text_and_not_markup(browser, page):
    browser.open(page.as_uri())
    assert browser.run("return document.querySelectorAll('th b').length") == 0
    assert "red <b>bold</b>" in browser.text("table")


@pytest.mark.parametrize(("scheme", "darkest"), [("light", True), ("dark", False)])
def test_a_page_is_light_or_dark_as_its_reader_wants(browser, page, scheme, darkest):
    browser.colour_scheme(scheme)
    browser.open(page.as_uri())
    colour = "return getComputedStyle(document.body)[arguments[0]].match(/\\d+/g).slice(0, 3).map(Number)"
    ink, paper = (sum(browser.run(colour, name)) for name in ("color", "backgroundColor"))
    assert (ink < paper) == darkest
    drawn = browser.run("return getComputedStyle(document.querySelector('svg text')).fill.match(/\\d+/g).map(Number)")
    assert (sum(drawn[:3]) < paper) == darkest  # figures take the colours of the page
    browser.colour_scheme("light")


def test_every_reward_can_be_opened_with_the_keyboard(browser, page):
    browser.open(page.as_uri())
    closed = "return [...document.querySelectorAll('details')].map(one => one.open)"
    assert browser.run(closed) == [True, False]
    browser.run("document.querySelectorAll('summary')[1].focus()")
    browser.press("\ue007")
    assert browser.run(closed) == [True, True]


def test_what_is_closed_on_the_screen_is_printed(browser, page):
    browser.open(page.as_uri())
    height = "return document.querySelectorAll('details')[1].getBoundingClientRect().height"
    closed = browser.run(height)
    browser.devtools("Emulation.setEmulatedMedia", media="print")
    assert browser.run(height) > closed + 500
    browser.devtools("Emulation.setEmulatedMedia", media="")


def test_every_table_that_scrolls_can_be_reached_with_the_keyboard(browser, page):
    browser.open(page.as_uri())
    assert browser.run("return document.querySelectorAll('.wide').length") >= 3
    assert browser.run("return document.querySelectorAll('.wide:not([tabindex])').length") == 0
    templates = (Path(vlmrm.report.__file__).parent / "pages").glob("*.html")
    assert not [one.name for one in templates if '<div class="wide">' in one.read_text()]


def test_nothing_is_wider_than_a_small_window(browser, page):
    browser.resize(420, 800)
    browser.open(page.as_uri())
    assert browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    browser.resize(1000, 800)


def test_drawings_on_one_page_share_no_names():
    scores, inside = np.array(SHARES), np.array(GOAL)
    drawings = [draw_distributions(scores, inside, 0.5), draw_roc(scores, {"other": 1 - scores}, inside)]
    names = [set(re.findall(r' id="([^"]+)"', drawing)) for drawing in drawings]
    assert not names[0] & names[1]
    assert all("<style" not in drawing and "font-family" not in drawing for drawing in drawings)


def test_the_same_numbers_are_drawn_alike():
    scores, inside = np.array(SHARES), np.array(GOAL)
    assert draw_distributions(scores, inside, 0.5) == draw_distributions(scores, inside, 0.5)


def test_curves_say_where_the_reward_peaks_and_how_far_that_is_from_the_goal():
    angle = np.linspace(-90, 90, 400)
    rule = SuccessRule(where={"angle": (-10, 10)}, within_last=1, at_least=1)
    (right,) = curves_over_state(-np.abs(angle), {"angle": angle, "speed": angle}, rule)
    assert abs(right.peak) <= 4.5  # a bin has 4.5 degrees
    assert right.off == 0
    (wrong,) = curves_over_state(-np.abs(angle - 50), {"angle": angle}, rule)
    assert wrong.off == pytest.approx(40, abs=5)
    assert "<svg" in draw_curves([right, wrong])
    assert curves_over_state(angle, {"angle": angle}, None)[0].bounds == (-np.inf, np.inf)
    assert curves_over_state(angle[:2], {"angle": angle[:2]}, rule) == []
    assert replace(wrong, bounds=(-np.inf, 80.0)).off == 0


def map_of(scores, states):
    return map_over_state(scores, states, curves_over_state(scores, states, None))


def test_a_map_shows_a_peak_that_no_single_curve_does():
    """The reward is highest at height 3.5 and lean 30; either alone is best elsewhere or anywhere."""
    lean, height = (grid.ravel() for grid in np.meshgrid(np.arange(0.0, 40, 2), np.arange(0.0, 4, 0.2)))
    scores = np.where((lean >= 30) & (height > 3), 1.0, 0.01 * lean - 0.001 * height)
    rule = SuccessRule(where={"lean": (0, 10), "height": (3, np.inf)}, within_last=1, at_least=1)
    states = {"lean": lean, "height": height, "speed": np.zeros(400)}
    found = map_over_state(scores, states, curves_over_state(scores, states, rule))
    assert found.variables == ("lean", "height")
    assert found.mean.shape == (7, 7)  # 400 frames, some 8 to a cell
    assert found.peak[0] >= 30 - 38 / 14
    assert found.peak[1] > 3
    assert not found.peaks_inside
    assert replace(found, bounds=((20.0, 40.0), (3.0, np.inf))).peaks_inside
    corner = scores[(lean < 38 / 7) & (height < 3.8 / 7)]
    assert found.mean[0, 0] == pytest.approx(corner.mean())
    assert draw_map(found).count("<path") > 49


def test_there_is_no_map_of_one_variable_and_cells_of_few_frames_are_blank():
    values = np.linspace(0, 1, 200)
    assert map_of(values, {"lean": values}) is None
    found = map_of(values, {"lean": values, "height": values})  # frames lie along the diagonal
    assert np.isfinite(found.mean).sum() == 5
    assert np.isfinite(np.diag(found.mean)).all()
    assert not found.bounded
    assert map_of(values[:10], {"lean": values[:10], "height": values[:10]}) is None
