import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from vlmrm.data import Label, LabelTable, agreement
from vlmrm.errors import FrameError

FULL = LabelTable(
    labels=(
        Label(frame="up/1.png", in_goal=True, group="episode 1", step=0, rater="anna", states={"angle_deg": 3.5}),
        Label(frame="up/1.png", in_goal=False, group="episode 1", step=0, rater="ben", states={"angle_deg": 3.5}),
        Label(
            frame="up/2.png", in_goal=False, group="episode 1", step=1, rater="anna", states={"angle_deg": 0.1 + 0.2}
        ),
    )
)


def file(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_row_tells_the_label_and_what_is_known_of_the_frame(tmp_path):
    path = file(tmp_path, "frame,in_goal,group,step,rater,angle_deg\nup/001.png,1,episode 1,0,anna,3.5\n")
    assert LabelTable.read(path).labels == (
        Label(frame="up/001.png", in_goal=True, group="episode 1", step=0, rater="anna", states={"angle_deg": 3.5}),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_may_choose_the_delimiter_and_mark_the_encoding(tmp_path, delimiter, encoding):
    text = "frame,in_goal,rater\r\nGlück.png,1,anna\r\n\r\n,,\r\n2.png,0,\r\n".replace(",", delimiter)
    first, second = LabelTable.read(file(tmp_path, text, encoding)).labels
    assert (first.frame, first.in_goal, first.rater) == ("Glück.png", True, "anna")
    assert (second.frame, second.in_goal, second.rater) == ("2.png", False, "")


@pytest.mark.parametrize(
    ("said", "meant"), [("1", True), ("0", False), ("TRUE", True), ("False", False), (" Yes ", True), ("no", False)]
)
def test_labels_are_digits_or_words(tmp_path, said, meant):
    assert LabelTable.read(file(tmp_path, f"in_goal,frame\n{said},a.png\n")).labels[0].in_goal is meant


@pytest.mark.parametrize("said", ["", "nan", "NaN", "?", "2", "0.5", "goal", "1.0"])
def test_what_is_no_label_is_refused_with_its_line(tmp_path, said):
    path = file(tmp_path, f"frame,in_goal\na.png,1\nb.png,{said}\n")
    with pytest.raises(FrameError, match=r"labels.csv, line 3: in_goal must be 1 or 0.*for b.png"):
        LabelTable.read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame,label\na.png,1\n", r"line 1: there is no column in_goal. Near: label.*the columns frame and in_goal"),
        ("picture,in_goal\na.png,1\n", r"no column frame. Near: picture"),
        ("frame,in_goal\na.png,1\na.png,0\n", r"line 3: a.png is labelled twice by nobody by name.*in line 2"),
        ("frame,in_goal,rater\na,1,anna\na,1,ben\na,1,anna\n", r"line 4: a is labelled twice by rater 'anna'.*line 2"),
        ("frame,in_goal,notes\na.png,1,blurred\n", r"line 2: notes must be a finite number.*got 'blurred'"),
        ("frame,in_goal,x\na,1,1\nb,1,\n", r"line 3: x must be a finite number.*got ''"),
        ("frame,in_goal,x\na,1,nan\n", r"line 2: x must be a finite number"),
        ("frame,in_goal,x\na,1,inf\n", r"line 2: x must be a finite number"),
        ("frame,in_goal,x\na,1,1_0\n", r"line 2: x must be a finite number"),
        ("frame;in_goal;x\na;1;3,5\n", r"line 2: x must be a finite number.*got '3,5'"),
        ("frame,in_goal,step\na,1,-1\n", r"line 2: step must be a whole number of at least 0; got '-1'"),
        ("frame,in_goal,step\na,1,1.5\n", r"line 2: step must be a whole number"),
        ("frame,in_goal,group\na,1,\n", r"line 2: group is empty"),
        ("frame,in_goal\n,1\n", r"line 2: frame is empty"),
        ("frame,in_goal\na,1,2\n", r"line 2: there are 3 cells for 2 columns"),
        ("frame,in_goal,frame\na,1,a\n", r"line 1: every column needs a name of its own"),
        ("frame,in_goal,\na,1,2\n", r"line 1: every column needs a name of its own"),
        ('frame,in_goal\n"a,1\n', r"cannot be read as CSV after line 1"),
        ("frame,in_goal,group,rater\na,1,x,anna\na,1,y,ben\n", r"two rows of a differ in group, step or states"),
        ("", "is empty"),
        ("\n\n", "is empty"),
    ],
)
def test_a_table_that_could_be_misread_is_refused(tmp_path, text, said):
    with pytest.raises(FrameError, match=said):
        LabelTable.read(file(tmp_path, text))


def test_other_encodings_and_missing_files_are_refused(tmp_path):
    with pytest.raises(FrameError, match="is not UTF-8"):
        LabelTable.read(file(tmp_path, "frame,in_goal\na,1\n", "utf-16"))
    with pytest.raises(FrameError, match="cannot be read"):
        LabelTable.read(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("table", [FULL, LabelTable(), LabelTable().with_label('a\nb,"c"; d\r.png', True)])
def test_what_is_written_is_read_again(tmp_path, table):
    table.write(tmp_path / "new" / "labels.csv")
    assert LabelTable.read(tmp_path / "new" / "labels.csv") == table


name = some.text(some.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
numbers = some.floats(allow_nan=False, allow_infinity=False)
rows = some.tuples(some.booleans(), some.integers(0, 10**9), some.sampled_from(["", "anna", "ben, c"]), numbers)


@settings(max_examples=60, deadline=None)
@given(labels=some.dictionaries(name, rows, max_size=5))
def test_any_table_is_read_as_it_was_written(tmp_path_factory, labels):
    table = LabelTable(
        labels=tuple(
            Label(frame=frame, in_goal=in_goal, group=frame, step=step, rater=rater, states={"x": x})
            for frame, (in_goal, step, rater, x) in labels.items()
        )
    )
    path = tmp_path_factory.mktemp("tables") / "labels.csv"
    table.write(path)
    assert LabelTable.read(path) == table


def test_columns_of_which_nothing_is_known_are_not_written(tmp_path):
    LabelTable().with_label("a.png", True).write(tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").read_text() == "frame,in_goal\na.png,1\n"


def test_a_name_that_is_not_utf_8_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(FrameError, match=r"is not UTF-8\. Rename the file"):
        LabelTable().with_label("\udcff.png", True).write(tmp_path / "labels.csv")
    assert not list(tmp_path.iterdir())


def test_a_new_label_takes_the_place_of_the_same_raters_earlier_one():
    table = LabelTable().with_label("a", True, "anna").with_label("b", True, "anna").with_label("a", False, "ben")
    table = table.with_label("a", False, "anna")
    assert [(row.frame, row.rater, row.in_goal) for row in table.labels] == [
        ("a", "anna", False),
        ("b", "anna", True),
        ("a", "ben", False),
    ]
    assert table.without("a", "anna").without("a", "nobody").without("a") == table.without("a", "anna")
    assert len(table.without("a", "anna").labels) == 2


def test_a_second_rater_adds_a_label_to_what_is_known_of_the_frame():
    table = FULL.with_label("up/2.png", True, "ben")
    assert table.labels[-1] == Label(
        frame="up/2.png", in_goal=True, group="episode 1", step=1, rater="ben", states={"angle_deg": 0.1 + 0.2}
    )
    with pytest.raises(FrameError, match=r"other rows tell angle_deg, and the row of 'new.png' does not"):
        FULL.with_label("new.png", True, "ben")


@pytest.mark.parametrize("states", [{"x": math.nan}, {"x": math.inf}, {"rater": 1.0}, {" x": 1.0}, {"": 1.0}])
def test_states_that_no_file_could_hold_are_refused(states):
    with pytest.raises(FrameError, match="a state is a finite number with a name of its own"):
        LabelTable(labels=(Label(frame="a", in_goal=True, states=states),))


def test_a_frame_on_which_raters_disagree_has_no_label():
    assert FULL.disputed == ("up/1.png",)
    assert FULL.raters == ("anna", "ben")
    (kept,) = FULL.agreed().labels
    assert (kept.frame, kept.in_goal, kept.rater) == ("up/2.png", False, "")


def rated(*pairs):
    table = LabelTable()
    for frame, (anna, ben) in enumerate(pairs):
        table = table.with_label(str(frame), anna, "anna").with_label(str(frame), ben, "ben")
    return table


def test_kappa_is_that_of_a_table_counted_by_hand():
    """Of 50 frames both say yes to 20 and no to 15; anna takes 25 for goals and ben 30: o = 0.7, c = 0.5, 0.2 / 0.5."""
    yes, no = True, False
    table = rated(*[(yes, yes)] * 20, *[(yes, no)] * 5, *[(no, yes)] * 10, *[(no, no)] * 15)
    found = agreement(table.with_label("only anna", True, "anna"))
    assert (found.raters, found.frames, found.observed) == (("anna", "ben"), 50, 0.7)
    assert found.kappa == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("pairs", "kappa"), [(([1, 0], [0, 1]), -1.0), (([1, 1], [0, 0]), 1.0), (([1, 1], [1, 1]), None)]
)
def test_kappa_of_full_disagreement_full_agreement_and_no_choice(pairs, kappa):
    assert agreement(rated(*[(bool(one), bool(other)) for one, other in pairs])).kappa == kappa


def test_kappa_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    pairs = [(i % 3 == 0, i % 5 < 2) for i in range(40)]
    expected = metrics.cohen_kappa_score(*zip(*pairs, strict=True))
    assert agreement(rated(*pairs)).kappa == pytest.approx(expected)


def test_agreement_is_between_two_raters_of_the_same_frames():
    table = rated((True, True)).with_label("0", False, "cleo").with_label("1", True, "dora")
    assert agreement(table, ["ben", "cleo"]).observed == 0
    for raters, said in (
        ([], "between two raters; got 'anna', 'ben', 'cleo', 'dora'"),
        (["anna"], "between two raters; got 'anna'"),
        (["anna", "bn"], "no label is by 'bn'. Near: ben"),
        (["anna", "dora"], "no frame in common"),
    ):
        with pytest.raises(FrameError, match=said):
            agreement(table, raters)
    with pytest.raises(FrameError, match="between two raters; got nobody"):
        agreement(LabelTable())
