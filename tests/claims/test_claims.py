"""The claims: each id once, each field said, each experiment's inequality on three seeds."""

import pytest

from gpt2lab import claims
from gpt2lab.course import cells, notebooks
from gpt2lab.errors import InputError

COUNTS = dict(R=15, N=13, A=29, H=9, P=14, F=11, D=9, G=18, M=16, E=8, T=20, C=24)
ALL = claims.all_claims()
MEASURED = [id for id, claim in ALL.items() if claim.measurement]


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
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_figures_bear_the_verdict_out(id, seed):
    claim = ALL[id]
    figures = claim.experiment(seed)
    assert figures and claim.holds(figures), figures


@pytest.mark.parametrize("id", MEASURED)
def test_an_experiment_says_what_it_does(id):
    measured = ALL[id].measurement
    assert measured.run.__doc__ and (measured.wrong is None) == (measured.right is None)


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
                    assert tag[6:] in ALL, (path.name, tag)
