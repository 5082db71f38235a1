"""Decks, bets, bugs and kinds: everything is there once, an order stays, a bet is judged as the data say."""

import pytest

from gpt2lab import claims
from gpt2lab.claims import bets, bugs, decks, kinds, readings
from gpt2lab.claims.base import Experiment, listing
from gpt2lab.errors import InputError

ALL = claims.all_claims()
WRONG = [id for id in ALL if id[0] != "C"]


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_every_claim_is_met_once(seed):
    met = [id for subject in decks.SUBJECTS.values() for id in decks.deck(subject, seed)]
    assert sorted(met) == sorted(ALL) == sorted(decks.deck(decks.EVERYTHING, seed))


def test_every_topic_has_right_ones_among_its_wrong_ones():
    """Otherwise nobody need think before betting."""
    for subject in decks.SUBJECTS.values():
        verdicts = {bets.BET_OF[ALL[id].verdict] for id in decks.deck(subject, 0)}
        assert {"right", "wrong"} <= verdicts, subject


def test_the_order_is_the_learner_s_own_and_stays():
    orders = {decks.deck("attention", seed) for seed in range(5)}
    assert len(orders) == 5 and decks.deck("attention", 3) in orders
    assert list(bugs.bugs(1)) != list(bugs.bugs(2)) and decks.mixed(1) != decks.mixed(2)
    sides = {seed: "".join(bug.broken for bug in bugs.bugs(seed).values()) for seed in range(3)}
    assert all(set(sides[seed]) == {"A", "B"} for seed in sides)


def test_those_with_an_experiment_come_first():
    without = [ALL[id].measurement is None for id in decks.deck("training and evaluation", 4)]
    assert without == sorted(without)


def test_an_unknown_subject():
    with pytest.raises(InputError, match="the subject must be one of 'residual connection', .*, got 'R1'"):
        decks.deck("R1", 0)


@pytest.mark.parametrize("seed", range(20))
def test_the_right_ones_are_mixed_with_false_ones(seed):
    rounds = decks.mixed(seed)
    ids = [id for six in rounds for id in six]
    assert len(ids) == len(set(ids)) == 48 and {len(six) for six in rounds} == {6}
    assert {id for id in ids if id[0] == "C"} == {id for id in ALL if id[0] == "C"}
    assert len({sum(id[0] == "C" for id in six) for six in rounds}) > 1  # counting does not help
    others = [ALL[id] for id in ids if id[0] != "C"]
    assert all(claim.verdict == "false" and not claim.statement.startswith(("In code", "(Left")) for claim in others)


def test_a_bet_is_judged():
    assert set(bets.BET_OF) == set(claims.VERDICTS)
    cases = {("R1", "wrong"): "hit", ("R1", "half right"): "near", ("R1", "right"): "miss", ("C1", "right"): "hit",
             ("C1", "half right"): "miss", ("R2", "half right"): "hit", ("R2", "wrong"): "near",
             ("N13", "half right"): "hit"}  # fmt: skip
    assert {case: bets.outcome(ALL[case[0]], case[1]) for case in cases} == cases
    with pytest.raises(InputError, match="a bet must be one of 'right', 'half right', 'wrong', got 'maybe'"):
        bets.outcome(ALL["R1"], "maybe")


def test_a_score_in_words():
    assert repr(bets.Score(0, 0, 0, 9)) == "0 of 9 answered"
    assert repr(bets.Score(1, 0, 2, 9)) == "3 of 9 answered: 1 hit, 2 misses"
    assert repr(bets.Score(2, 1, 1, 9)) == "4 of 9 answered: 2 hits, 1 near, 1 miss"


def test_every_pair_of_codes_is_a_round_with_a_wrong_line():
    found = bugs.bugs(0)
    assert set(found) == {id for id, claim in ALL.items() if claim.measurement and claim.measurement.wrong}
    for bug in found.values():
        assert list(bug.versions) == ["A", "B"]  # the broken one does not always come first
        assert bug.wrong in bug.lines and bug.wrong[0] == bug.broken and bug.purpose
        text = bug.versions[bug.broken][int(bug.wrong[1:]) - 1]  # it does not stand in the right version
        assert text not in bug.versions["AB".replace(bug.broken, "")]
        assert all(lines[0].startswith("def f(") and len(lines) > 1 for lines in bug.versions.values()), bug.id


def drops(x, p):
    mask = x < p
    return x * mask


def keeps(x, p):
    mask = x >= p
    return x * mask


@pytest.mark.parametrize("broken", ["A", "B"])
def test_a_line_is_judged(broken):
    code = Experiment(lambda seed: {}, lambda found: True, drops, keeps)
    bug, other = bugs._bug("D4", code, broken), "B" if broken == "A" else "A"
    assert bug.wrong == f"{broken}2"
    lines = (f"{broken}2", f"{broken}3", f"{other}2", f"{other}3")
    assert [bug.outcome(line) for line in lines] == ["hit", "near", "miss", "miss"]
    with pytest.raises(InputError, match="the line must be one of A2, A3, B2, B3, got 'A1'"):
        bug.outcome("A1")


def documented(
    x: int,
    again: bool = False,
) -> int:
    """A docstring that would tell."""
    y = x  # so would a comment
    return documented(y) if again else y


def test_the_source_gives_nothing_away():
    assert listing(documented) == "def f(x, again=False):\n    y = x\n    return f(y) if again else y"


def test_each_wrong_claim_is_of_one_kind():
    listed = [id for ids in kinds._IDS.values() for id in ids.split()]
    assert sorted(listed) == sorted(WRONG)
    assert list(kinds._IDS) == list(kinds.QUESTIONS) and all(
        said.endswith(("?", ".")) for said in kinds.QUESTIONS.values()
    )
    table = kinds.count()
    assert sum(n for row in table.values() for n in row.values()) == 162
    assert table["a slip in code"]["dropout"] == 0 and table["wrong reason"]["layer norm"] == 2


def test_every_reading_is_one_line_on_an_experiment():
    for id, said in readings.READINGS.items():
        assert id in ALL
        assert said.endswith(".") and "\n" not in said and len(said) <= 120, said


def test_outside_of_a_workspace_the_order_is_always_the_same():
    assert decks.learner_seed() == 0
