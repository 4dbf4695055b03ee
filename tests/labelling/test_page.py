"""The page in a real browser, with real key presses. Skipped where Chromium is missing; see `tests.browser`."""

import pytest
from PIL import Image

from tests.browser import ARROW_LEFT, ARROW_RIGHT, BACKSPACE, CONTROL, ENTER, TAB
from tests.labelling.pages import said, serve

EVIL = "<img src=x onerror=document.title='owned'>&amp;\"'.png"


@pytest.fixture(autouse=True)
def the_console_stays_empty(browser):
    browser.console_errors(), browser.requests()  # of the test before
    yield
    assert browser.console_errors() == []


def opened(browser, page):
    browser.open(page.url)
    browser.wait_for(lambda: browser.run("const i = document.querySelector('#frame img'); return i && i.naturalWidth"))


def shows(browser, progress):
    browser.wait_for(lambda: browser.text("#progress") == progress)


def test_every_key_does_what_the_page_says(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True, rater="anna") as page:
        opened(browser, page)
        browser.press(ARROW_RIGHT)
        shows(browser, "1 of 6 labelled, 1 goal / 0 not")
        browser.press(ARROW_LEFT, "1", "0", "y", "n")  # faster than any answer comes
        shows(browser, "6 of 6 labelled, 3 goal / 3 not")
        assert browser.text("#frame").startswith("All frames are labelled.")
        assert said(labels_csv, "anna") == {f"{number}.png": number % 2 == 0 for number in range(6)}
        browser.press("u", BACKSPACE)
        shows(browser, "4 of 6 labelled, 2 goal / 2 not")
        assert browser.text("#name") == "4.png"
        browser.press(" ")
        shows(browser, "4 of 6 labelled, 2 goal / 2 not, 1 skipped")
        assert browser.text("#name") == "5.png"
        browser.press("s")
        shows(browser, "4 of 6 labelled, 2 goal / 2 not, 2 skipped")
        browser.press("Y", "Y")  # with caps lock
        shows(browser, "6 of 6 labelled, 4 goal / 2 not")


def test_buttons_do_the_same_and_done_stops_the_command(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        browser.click("#goal")
        browser.click("#other")
        browser.press(" ")  # skips: a click leaves no focus on a button
        shows(browser, "2 of 6 labelled, 1 goal / 1 not, 1 skipped")
        browser.click("#undo")
        browser.click("#skip")
        shows(browser, "2 of 6 labelled, 1 goal / 1 not, 1 skipped")
        browser.click("#done")
        browser.wait_for(lambda: "Everything is saved" in browser.text("#question"))
        assert "2 of 6 labelled, 1 goal / 1 not, 1 skipped, in " in browser.text("#frame")
        assert page.ended.get(timeout=10).tally.labelled == 2
        assert not browser.run("return [...document.querySelectorAll('button')].some((button) => !button.disabled)")
    assert said(labels_csv) == {"0.png": True, "1.png": False}


def test_a_button_with_the_focus_is_pressed_by_space_and_enter(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        browser.press(TAB)
        assert browser.run("return document.activeElement.id") == "other"
        browser.press(" ", ENTER)
        shows(browser, "2 of 6 labelled, 0 goal / 2 not")


def test_keys_can_be_turned_off_and_do_not_take_those_of_the_browser(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        browser.hold(CONTROL, "y")
        browser.click("#keys")
        browser.press("y", ARROW_LEFT)
        browser.click("#keys")
        browser.press("n")
        shows(browser, "1 of 6 labelled, 0 goal / 1 not")
        assert said(labels_csv) == {"0.png": False}


def test_the_next_frames_are_loaded_before_they_are_shown(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        browser.wait_for(lambda: sum("picture/" in url for url in browser.run(LOADED)) == 5)
        browser.press(ARROW_RIGHT)
        shows(browser, "1 of 6 labelled, 1 goal / 0 not")
        browser.wait_for(lambda: sum("picture/" in url for url in browser.run(LOADED)) == 6)
        assert browser.run("return document.querySelector('#frame img').alt") == "Frame 1.png"


LOADED = "return performance.getEntriesByType('resource').map((entry) => entry.name)"


def test_it_asks_for_nothing_but_its_own_server(browser, frames, labels_csv):
    with serve([frames], labels_csv) as page:
        opened(browser, page)
        browser.press(ARROW_RIGHT)
        shows(browser, "1 of 6 labelled, 1 goal / 0 not")
        asked = browser.requests()
        assert asked
        assert [url for url in asked if not url.startswith(page.url)] == []


def test_names_and_sentences_are_text(browser, tmp_path, labels_csv):
    from tests.toys import red_reward
    from vlmrm.prompts import PromptSet

    folder = tmp_path / "evil"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / EVIL)
    reward = red_reward(prompts=PromptSet("<script>document.title='owned'</script> red"))
    with serve([folder], labels_csv, rater="<b>anna</b>", reward=reward) as page:
        opened(browser, page)
        assert browser.text("#name") == EVIL
        assert "<script>" in browser.text("#question")
        assert "<b>anna</b>" in browser.text("#about")
        browser.press("y")
        shows(browser, "1 of 1 labelled, 1 goal / 0 not")
        assert EVIL in browser.text("#last")
        browser.click("#done")
        browser.wait_for(lambda: "<b>anna</b>" in browser.text("#frame"))
        assert browser.run("return document.title") == "Label frames"
    assert said(labels_csv, "<b>anna</b>") == {EVIL: True}


def test_progress_is_spoken_and_everything_has_a_name(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        browser.press("y")
        spoken = "return document.querySelector('[role=status][aria-live=polite]').textContent"
        browser.wait_for(lambda: browser.run(spoken) == "0.png: goal. 1 of 6 labelled, 1 goal / 0 not.")
        nodes = browser.devtools("Accessibility.getFullAXTree")["nodes"]
        named = {
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if node.get("role", {}).get("value") in ("button", "image", "progressbar", "checkbox", "heading", "group")
        }
        assert {("button", "Goal"), ("button", "Not goal"), ("button", "Skip"), ("button", "Undo")} <= named
        assert {("image", "Frame 1.png"), ("progressbar", "Labelled frames")} <= named
        assert all(name for _, name in named)


@pytest.mark.filterwarnings("ignore:unclosed")
def test_a_failure_is_shown_and_the_frame_stays(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        labels_csv.write_text("nothing\n")  # by somebody else, meanwhile
        browser.press("y")
        browser.wait_for(lambda: "no column frame" in browser.text("#error"))
        assert browser.text("#name") == "0.png"
        labels_csv.unlink()
        browser.press("y")
        shows(browser, "1 of 6 labelled, 1 goal / 0 not")
        assert not browser.text("#error")
        assert any("409" in message for message in browser.console_errors())  # Chromium reports every refusal


def test_a_command_that_has_stopped_is_told_of(browser, frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        opened(browser, page)
        browser.press("y")
        shows(browser, "1 of 6 labelled, 1 goal / 0 not")
        page.done()
    browser.press("y")
    browser.wait_for(lambda: "has stopped" in browser.text("#error"))
    assert said(labels_csv) == {"0.png": True}
    assert all("ERR_CONNECTION_REFUSED" in message for message in browser.console_errors())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1000, 800), (500, 700)])
def test_all_of_it_is_in_view_and_can_be_read(browser, frames, labels_csv, scheme, size):
    browser.colour_scheme(scheme)
    browser.resize(*size)
    try:
        with serve([frames], labels_csv) as page:
            opened(browser, page)
            width, height, inner_width, inner_height = browser.run(
                "const page = document.documentElement;"
                "return [page.scrollWidth, page.scrollHeight, window.innerWidth, window.innerHeight]"
            )
            assert (width, height) == (inner_width, inner_height)
            assert browser.run(CONTRASTS) == []
    finally:
        browser.colour_scheme("light")
        browser.resize(1000, 800)


CONTRASTS = """
const shades = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => {
  const [r, g, b] = shades(colour).map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const colour = getComputedStyle(element).backgroundColor;
  return shades(colour).length === 4 && shades(colour)[3] === 0 && element.parentElement
    ? behind(element.parentElement) : colour;
};
const poor = [];
for (const element of document.querySelectorAll("h1, p, kbd, b, label")) {
  if (!element.textContent.trim() || element.closest("[disabled], [hidden], .visually-hidden")) continue;
  const [dark, bright] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => a - b);
  const contrast = (bright + 0.05) / (dark + 0.05);
  if (contrast < 4.5) poor.push(`${element.textContent}: ${contrast.toFixed(2)}`);
}
return poor;
"""
