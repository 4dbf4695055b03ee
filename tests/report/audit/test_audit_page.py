"""The page of an audit in a browser."""

import pytest

from tests.browser import open_browser
from tests.report.audit.audits import red_frames
from tests.toys import red_reward
from vlmrm.report.audit import audit

PROBES = ["tells_goal", "negation", "blank_frames", "sides", "texture", "random_policy"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    frames = red_frames(groups=[f"{i % 20}" for i in range(60)])
    return audit(red_reward(), frames, probes=PROBES).save(tmp_path_factory.mktemp("page") / "audit.html")


def test_it_opens_without_errors_or_requests_and_shows_its_pictures(browser, page):
    browser.open(page.as_uri())
    browser.wait_for(lambda: browser.run("return document.readyState") == "complete")
    assert browser.console_errors() == []
    assert [url for url in browser.requests() if not url.startswith("chrome:")] == [page.as_uri()]
    assert browser.run("return document.images.length") >= 5
    assert browser.run("return [...document.images].filter(image => !image.naturalWidth).length") == 0


def test_a_failure_in_the_verdict_leads_to_its_row(browser, page):
    browser.open(page.as_uri())
    targets = browser.run("return [...document.querySelectorAll('.verdict a')].map(link => link.hash.slice(1))")
    assert targets == [
        "probe-tells_goal"
    ]  # “a zebra grazing” is grey to this encoder, and tells red from black as well
    assert browser.run("return document.getElementById(arguments[0]).tagName", targets[0]) == "TR"


@pytest.mark.parametrize(("scheme", "darkest"), [("light", True), ("dark", False)])
def test_every_text_can_be_read_on_light_and_on_dark(browser, page, scheme, darkest):
    browser.colour_scheme(scheme)
    browser.open(page.as_uri())
    colour = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]].match(/\\d+/g).map(Number)"
    paper = sum(browser.run(colour, "body", "backgroundColor")[:3])
    for part in ("body", ".verdict li", "td.number", ".interval"):
        assert (sum(browser.run(colour, part, "color")[:3]) < paper) == darkest, part
    browser.colour_scheme("light")
