import pytest

from tests.browser import open_browser


@pytest.fixture
def no_programs(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)


def enter(tmp_path):
    with open_browser(tmp_path):
        pass


def test_without_chromium_a_test_is_skipped(no_programs, monkeypatch, tmp_path):
    monkeypatch.delenv("VLMRM_REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="chromium is not installed"):
        enter(tmp_path)


def test_without_chromium_a_test_fails_where_a_browser_is_required(no_programs, monkeypatch, tmp_path):
    monkeypatch.setenv("VLMRM_REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="chromium is not installed"):
        enter(tmp_path)
