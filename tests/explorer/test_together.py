"""Several heads, a span of queries and the run that is shown: traits, links, files; and the joined JavaScript."""

import json
import subprocess

import pytest
from explorers import explorer
from torch.testing import assert_close

from gpt2lab.errors import InputError
from gpt2lab.explorer import together
from gpt2lab.explorer.views import VIEWS
from gpt2lab.figures import javascript

CHOSEN = dict(view="head", layer=1, head=2, token=7, also=["head 0.3", "head 2.1"], span=4, weighted=True)


def test_several_heads_a_span_and_the_run_are_in_the_state():
    first = explorer(**CHOSEN, ablated=["ffn 0"], which_run="before")
    assert "also=head%200.3~head%202.1&span=4&" in first.state and "run=before&weighted=1" in first.state
    again = explorer(state=first.state)
    assert again.state == first.state
    assert {name: getattr(again, name) for name in CHOSEN} == CHOSEN


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("also", ["head 0.9"], "there is no head 9 in layer 0"),
        ("also", ["head 7.0"], "there is no head 0 in layer 7"),
        ("also", ["mask"], 'also must hold heads such as "head 0.3", got "mask"'),
        ("also", [3], 'got "3"'),
        ("also", [f"head {i}.{j}" for i in (0, 1) for j in range(3)], "at most 5 heads, got 6"),
        ("span", 99, "span must lie in 0"),
        ("span", -2, "span must lie in"),
        ("which_run", "neither", "which_run must be one of before, after, difference, got 'neither'"),
        ("weighted", 1, "weighted must be True or False"),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence_and_changes_nothing(name, value, why):
    e = explorer(**CHOSEN)
    before = e.state
    with pytest.raises(InputError) as error:
        setattr(e, name, value)
    assert why in str(error.value) and e.state == before


def test_a_head_that_is_named_twice_is_there_once():
    assert together.check(["head 0.1", "head 1.0", "head 0.1"], [2, 2]) == ["head 0.1", "head 1.0"]


def test_a_shorter_text_ends_a_span_that_it_does_not_reach():
    e = explorer(**CHOSEN | {"span": 6})
    e.text = "a b"
    assert e.span == -1 and e.also == CHOSEN["also"]


@pytest.mark.parametrize("view", [name for name, view in VIEWS.items() if not view.of_base])
def test_of_two_runs_files_and_code_are_of_the_one_that_is_shown(view):
    plain = explorer(view=view, layer=1, head=2, token=7)
    e = explorer(view=view, layer=1, head=2, token=7, ablated=["head 0.1", "ffn 0"], which_run="before")
    for name, tensor in e.selection_trace().items():
        assert_close(tensor, plain.selection_trace()[name], atol=0, rtol=0)
    assert e.code() == plain.code()
    e.which_run = "after"
    assert e.code() != plain.code()


def test_the_second_sentence_is_left_out_of_the_code_of_the_first():
    e = explorer("a b c", text_b="a b d", which_run="before")
    assert "'a b c'" in e.code() and e.screen.which == " · c"
    e.which_run = "after"
    assert "'a b d'" in e.code()


LINES = """
export const label = (a, b) => { // a comment
  const text = "a  ( b ) : c";
  const made = `${a ? `( ${b} )` : "x"}  , ${b}`;
  return [text, made, a - -b, a / b, a + +b, /[ ] ( )/.test(text), a ? .5 : 1].join(" | ");
};
console.log(JSON.stringify({
  said: label(1, 2),
  // a line
  other: [1, 2].map((x) => x * 2),
}));
"""


def test_blanks_that_only_people_need_are_left_out_and_nothing_else(node):
    short = javascript.joined([LINES])
    assert len(short) < 0.9 * len(LINES) and "a comment" not in short

    def run(source):
        done = subprocess.run([node, "--input-type=module", "-e", source], capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert run(short) == run(LINES)
    assert run(short)["said"].startswith("a  ( b ) : c | ( 2 )  , 2 | 3 | 0.5 | 3 | false | 0.5")
