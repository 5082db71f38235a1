"""All checks together: each passes right answers of different styles and knows the mistakes of its part by name.

``python tests/helpers/teeth.py`` prints the table.
"""

import pytest
from teeth import CHECKS, GENERAL, answers, ask, main, table, without_its_line

from gpt2lab.check.reading import code_of

RIGHT, KNOWN, ALL_KNOWN = 3, 9, 1050  # the least; the mistakes that a check knows, and those that all know
FEWER = {"layer_norm_test": 5}  # it judges a test by the versions that it lets pass
ONE_STYLE = {"experiment", "rope_lab"}  # what is handed over is a plan, not a function of anything


def test_every_check_has_its_answers():
    assert sorted(answers()) == sorted(CHECKS)


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in ONE_STYLE])
def test_right_answers_are_written_differently(name):
    """Not one function with other options: other code."""
    codes = {
        tuple(code_of(part) or part for part in (a if isinstance(a, tuple) else (a,))) for a in answers()[name].right
    }
    assert len(codes) >= RIGHT


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_knows_mistakes_by_name(name):
    known = answers()[name].known(name)
    assert len(known) >= FEWER.get(name, KNOWN)
    assert len(set(known)) == len(known)


def test_the_table_counts_everything():
    rows = table()
    assert [name for name, *_ in rows] == sorted(CHECKS)
    right, known, others = (sum(column) for column in list(zip(*rows, strict=True))[1:])
    assert right >= RIGHT * len(CHECKS) and known >= ALL_KNOWN
    assert known + others == sum(len(given.wrong) for given in answers().values())
    assert others < known / 8


@pytest.mark.parametrize(
    ("answer", "general"),
    [
        (lambda x, f: x + f(x) + 1, True),
        (lambda x, f: (x + f(x))[0], True),
        (lambda x, f: x.shapes, True),
        (lambda x: x, True),
        (lambda x, f: [1.0, 2.0], True),
        (lambda x, f: f(x), False),
        (lambda x, f: (x + f(x)).relu(), False),
    ],
)
def test_what_counts_as_knowing_a_mistake(answer, general):
    assert bool(GENERAL.search(without_its_line(ask("residual", answer).message))) is general


def test_the_table_is_printed(capsys):
    main([])
    assert "all " in capsys.readouterr().out
    main(["merge_heads"])
    assert "* The heads are joined along the positions." in capsys.readouterr().out
