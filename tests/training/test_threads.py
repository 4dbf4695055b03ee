import pytest

from vlmrm.training.threads import crowding_note


@pytest.mark.parametrize(
    ("threads", "load", "told"), [(2, 7.6, True), (2, 0.5, False), (1, 7.6, False)], ids=["busy", "free", "one thread"]
)
def test_a_user_is_told_when_other_programs_want_the_cores(threads, load, told, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    note = crowding_note(threads)
    assert (note is not None) is told
    if told:
        assert note == "other programs keep the 2 cores busy (load 8); --threads 1 may be many times faster."
