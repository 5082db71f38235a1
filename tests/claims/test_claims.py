"""The claims: each id once, each field said, each experiment's inequality on three seeds."""

import functools
import inspect
import sys

import pytest
import torch

from gpt2lab import claims
from gpt2lab.claims import boxes
from gpt2lab.course import cells, notebooks
from gpt2lab.errors import InputError

COUNTS = dict(R=15, N=13, A=29, H=9, P=14, F=11, D=9, G=18, M=16, E=8, T=20, C=24)
ALL = claims.all_claims()
EVERY = boxes.known()  # with the extra ones, which only boxes take up
MEASURED = [id for id, claim in EVERY.items() if claim.measurement]
CODE_WITHOUT_A_PAIR = ["A13", "D8", "G7", "E5", "E8"]


@functools.cache
def figures(id: str, seed: int) -> claims.Figures:
    return EVERY[id].experiment(seed)


def test_each_id_is_there_once():
    wanted = [f"{letter}{i + 1}" for letter, n in COUNTS.items() for i in range(n)]
    assert list(ALL) == wanted


@pytest.mark.parametrize("id", ALL)
def test_says_everything(id):
    claim = ALL[id]
    assert claim.verdict in claims.VERDICTS and (claim.verdict == "right") == (id[0] == "C")
    for text in (claim.statement, claim.correct, claim.source):
        assert len(text) > 8 and text == text.strip() and "\n" not in text
    assert claim.statement.endswith((".", ".)")) and claim.correct.endswith((".", '".'))


@pytest.mark.parametrize("id", MEASURED)
def test_the_figures_bear_the_verdict_out(id):
    for seed in (0, 1, 2):
        found = figures(id, seed)
        assert found and EVERY[id].holds(found), (seed, found)


@pytest.mark.parametrize("id", MEASURED)
def test_an_experiment_is_repeatable_and_leaves_torch_as_it_was(id):
    """As in a notebook that has switched gradients off and drawn numbers of its own."""
    claim, first = EVERY[id], figures(id, 1)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    with torch.no_grad():
        assert claim.experiment(1) == first
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before)


def test_an_experiment_says_what_it_does():
    for id in MEASURED:
        measured = EVERY[id].measurement
        assert measured.run.__doc__ and (measured.wrong is None) == (measured.right is None), id


@pytest.mark.parametrize("id", [id for id in MEASURED if EVERY[id].measurement.wrong])
def test_wrong_and_right_code_differ_in_one_line(id):
    measured = EVERY[id].measurement
    wrong, right = (claims.listing(code) for code in (measured.wrong, measured.right))
    pairs = list(zip(wrong.splitlines(), right.splitlines(), strict=True))
    assert [number for number, (a, b) in enumerate(pairs, 1) if a != b] == [measured.wrong_line]
    assert "wrong" not in wrong + right and "right" not in wrong + right and "#" not in wrong + right
    assert measured.purpose == inspect.getdoc(measured.wrong) and '"""' not in wrong
    assert 2 <= len(pairs) <= 12 and max(map(len, wrong.splitlines() + right.splitlines())) <= 100


@pytest.mark.parametrize("id", [id for id in MEASURED if EVERY[id].measurement.wrong])
def test_if_the_code_were_right_the_experiment_would_refute_the_verdict(id, monkeypatch):
    measured = EVERY[id].measurement
    monkeypatch.setattr(sys.modules[measured.run.__module__], measured.wrong.__name__, measured.right)
    try:
        found = EVERY[id].experiment(0)
    except RuntimeError:  # right code need not take what the wrong one takes
        return
    assert not EVERY[id].holds(found)


def test_each_topic_and_nearly_every_code_has_its_experiment():
    assert len(MEASURED) >= 175 and {EVERY[id].topic for id in MEASURED} == {*claims.TOPICS, "extra"}
    code = [id for id in ALL if ALL[id].statement.startswith("In code:")]
    # A variable's name, a class without parameters, a line that nobody can read, names of another library, and
    # code that lacks its embeddings: there is no function to put beside them.
    assert [id for id in code if not (ALL[id].measurement and ALL[id].measurement.wrong)] == CODE_WITHOUT_A_PAIR


def test_figures_that_show_nothing_are_not_taken():
    assert not claims.get("R1").holds({"negative in GPT-2": 0.0, "negative with a ReLU": 0.0})


def test_unknown_ids_and_claims_without_experiment():
    with pytest.raises(InputError, match="there is no claim 'R99'; the ids are R1, R2, R3 …"):
        claims.get("R99")
    with pytest.raises(InputError, match="claim R11 has no experiment; its verdict rests on Vaswani"):
        claims.get("R11").experiment()
    with pytest.raises(InputError, match="seed must be a whole number"):
        claims.get("R1").experiment(0.5)


def test_every_tag_in_a_chapter_names_a_claim():
    for path in notebooks.chapters():
        for cell in cells.read(path).cells:
            for tag in cells.tags(cell):
                if tag.startswith("claim:"):
                    assert tag[6:] in boxes.known(), (path.name, tag)
