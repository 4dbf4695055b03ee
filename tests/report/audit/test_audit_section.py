"""An audit as a section of a report's page."""

import json
from dataclasses import replace

import pytest

from tests.browser import open_browser
from tests.report.audit.audits import red_frames
from tests.toys import red_reward
from vlmrm.report import evaluate
from vlmrm.report.audit import audit
from vlmrm.report.page import fill

PROBES = ["tells_goal", "negation", "blank_frames", "sides"]


@pytest.fixture(scope="module")
def report():
    frames = red_frames(groups=[f"{i % 20}" for i in range(60)])
    found = audit(red_reward(), frames, probes=PROBES)
    return evaluate(red_reward(), frames).with_section(found.section())


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    return report.save(tmp_path_factory.mktemp("page") / "report.html")


def test_the_json_of_the_report_holds_the_audit(page):
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert [one["name"] for one in numbers["audit"]["probes"]] == PROBES
    assert numbers["audit"]["verdict"] == "fail"
    assert numbers["audit"]["spec_hash"] == numbers["rewards"][0]["spec_hash"]


def test_without_one_nothing_is_said_of_it():
    report = evaluate(red_reward(), red_frames())
    assert "audit" not in report.to_dict()
    assert 'id="audit"' not in report.html()


@pytest.mark.parametrize(("scheme", "darkest"), [("light", True), ("dark", False)])
def test_it_opens_without_errors_and_can_be_read_on_light_and_on_dark(page, tmp_path, scheme, darkest):
    with open_browser(tmp_path / "profile") as browser:
        browser.colour_scheme(scheme)
        browser.open(page.as_uri())
        assert browser.console_errors() == []
        assert browser.run("return document.querySelectorAll('#audit tr[id]').length") == len(PROBES)
        assert browser.run("return [...document.images].filter(image => !image.naturalWidth).length") == 0
        linked = "return [...document.querySelectorAll('#audit a')].every(a => document.querySelector(a.hash))"
        assert browser.run(linked)
        colour = (
            "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]].match(/\\d+/g).map(Number)"
        )
        paper = sum(browser.run(colour, "body", "backgroundColor")[:3])
        for part in ("#audit h3", "#audit .verdict li", "#audit td.number"):
            assert (sum(browser.run(colour, part, "color")[:3]) < paper) == darkest, part


def test_words_of_an_audit_are_escaped(report):
    section = report.sections[0]
    evil = replace(section, title="<b>title</b>", shown=dict(section.shown) | {"remarks": ["<script>x</script>"]})
    html = replace(report, sections=(evil,)).html()
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "&lt;b&gt;title&lt;/b&gt;" in html
    assert "<script>x" not in html
    assert "&lt;i&gt;" in fill("audit_section.html", shown=dict(section.shown) | {"headline": "<i>"})
