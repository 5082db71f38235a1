"""What the page keeps while cells run that were asked for before anybody could see the panel."""

from datetime import UTC, datetime, timedelta

import pytest

from gpt2lab.figures import plots
from gpt2lab.widgets import Panel, shown
from gpt2lab.widgets.traits import Whole

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


class Squares(Panel):
    n = Whole(2, low=1, high=9, label="n")
    more = Whole(0, low=0, high=9, label="more")
    rows = (("n", "more"),)

    def measure(self):
        return self.n**2 + self.more

    def draw(self):
        return plots.bars(["n squared"], [self.result], title="Squares")


@pytest.fixture
def cell(monkeypatch):
    """Begin a cell that was asked for so many seconds after noon, by the page's clock; it takes 5 seconds."""
    now = [1000.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(shown, "_clock", shown._Clock())

    def begin(asked):
        shown._ends(None)
        request = {"msg_id": object(), "date": NOON + timedelta(seconds=asked)}
        monkeypatch.setattr(shown, "_request", lambda: request)
        shown._begins(None)
        now[0] += 5

    return begin


def displayed(cell):
    cell(0)
    panel = Squares(n=3)
    panel._repr_mimebundle_()
    return panel


def test_after_run_all_the_page_shows_what_was_displayed(cell):
    panel = displayed(cell)
    before, picture = panel._view.png, panel._view.alt
    cell(0.2)  # sent with the first one
    panel.n = 5
    assert panel.result == 25 and panel.png != before  # Python is served
    assert (panel._view.png, panel._view.alt, panel.control("n").value) == (before, picture, 3)
    assert "Run that cell by itself" in panel.children[-1].value


def test_two_cells_may_be_asked_for_in_the_same_millisecond(cell):
    panel = displayed(cell)
    cell(0)
    panel.n = 5
    assert panel.control("n").value == 3


def test_cells_that_wait_for_long_ones_were_asked_for_too_early(cell):
    cell(0)
    cell(0.1)
    panel = displayed(cell)  # asked for at 0 as well, begun at 10
    cell(14)
    panel.n = 5
    assert panel.control("n").value == 3
    cell(21)
    panel.n = 6
    assert panel.control("n").value == 6


def test_a_cell_run_after_seeing_the_panel_moves_it(cell):
    panel = displayed(cell)
    cell(6)
    panel.n = 5
    assert panel.control("n").value == 5 and "n: 5" in panel._view.alt and panel.children[-1].value.count("Run") == 0


def test_running_the_later_cell_again_by_itself_shows_what_it_sets(cell):
    panel = displayed(cell)
    cell(0.2)
    panel.n = 5
    cell(60)
    panel.n = 5  # it is 5 already
    assert panel.control("n").value == 5 and "n: 5" in panel._view.alt


def test_a_control_moves_what_the_page_shows(cell):
    panel = displayed(cell)
    cell(0.2)
    panel.n = 5
    cell(60)
    panel.control("more").value = 1
    assert panel.settings() == dict(n=3, more=1) and panel.result == 10 and panel.control("n").value == 3


def test_displayed_again_the_panel_shows_where_it_stands(cell):
    panel = displayed(cell)
    cell(0.2)
    panel.n = 5
    bundle, metadata = panel._repr_mimebundle_()
    assert "n: 5" in metadata["image/png"]["alt"] and panel.control("n").value == 5


def test_the_displaying_cell_itself_may_go_on(cell):
    panel = displayed(cell)
    panel.n = 5
    assert panel.control("n").value == 5


def test_outside_a_notebook_nothing_waits():
    panel = Squares(n=3)
    panel._repr_mimebundle_()
    panel.n = 5
    assert panel.control("n").value == 5 and shown.asked_for() is None
