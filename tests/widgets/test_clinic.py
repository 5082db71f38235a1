"""The clinic and its games: Python drives them, answers are kept, buttons do what Python does."""

import io
import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gpt2lab import claims
from gpt2lab.claims import decks
from gpt2lab.course import copies, notebooks
from gpt2lab.errors import InputError
from gpt2lab.files import records
from gpt2lab.widgets import Clinic, FindTheBug, WhichAreRight, clinic_panel, rounds

CHAPTER = Path(__file__).parents[2] / "chapters" / "15_claims.ipynb"
GAMES = [Clinic, FindTheBug, WhichAreRight]


@pytest.fixture(autouse=True)
def new_kernel(monkeypatch):
    """No answers of another test; called, it forgets those of this one."""

    def forget():
        monkeypatch.setattr(rounds, "_answers", {})
        monkeypatch.setattr(decks, "_own", {})

    forget()
    return forget


@pytest.fixture(scope="module")
def clinic():
    return Clinic()


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A learner's workspace, in which chapter 15 runs."""
    (tmp_path / "course.py").touch()
    for name in ("chapters", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv(records.SWITCH, raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "work" / "15_claims.ipynb"))
    return tmp_path / "work"


def text(panel):
    """What the card says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", panel._question.value + panel._told.value))


def press(panel, said):
    """Press the button with that description."""
    buttons = [*panel._answer_bar.children, *panel._moves.children]
    found = [button for button in buttons if getattr(button, "description", "") == said]
    assert len(found) == 1, buttons
    found[0].click()


def test_bet_measure_read():
    clinic = Clinic()
    clinic.show("A9")
    assert clinic.topic == "attention" and clinic.figures == {} and clinic.answer is None
    assert "Place your bet" in text(clinic) and "dim=-1" not in text(clinic) and "A9" not in text(clinic)
    assert "return scores.softmax(dim=1)" in text(clinic)  # the code from circulation
    clinic.answer = "wrong"
    assert clinic.figures == claims.get("A9").experiment(0)
    told = text(clinic)
    assert "Place your bet" not in told
    for said in ("✓ Hit: you bet “wrong”, it is wrong (computes something else)", "Measured (seed 0): How far the sum",
                 "dim=-1, over the keys", "Source: Vaswani", "Claim A9; more in chapter 03",
                 "The rows of weights do not sum to 1; over the keys they do.",
                 "Attention. This is found in code."):  # fmt: skip
        assert said in told, told
    assert repr(clinic.result) == "1 of 31 answered: 1 hit"
    assert repr(clinic).endswith("answered: wrong; attention: `Softmax(dim=1)` on scores with a batch axis.")


def test_every_claim_can_be_met():
    clinic = Clinic(topic="everything")
    assert sorted(clinic.deck()) == sorted(claims.all_claims())
    by_topic = [id for topic in Clinic.topic.options[:-1] for id in Clinic(topic=topic).deck()]
    assert sorted(by_topic) == sorted(claims.all_claims())  # each once
    sources = [cell.source for cell in notebooks.read(CHAPTER).cells]
    assert all(any(f"= {make.__name__}()" in source for source in sources) for make in GAMES)
    clinic.topic = "heads"
    for id in ("R1", "C1", "T20"):  # in whatever topic it is
        clinic.show(id)
        assert clinic.key == clinic.claim.id == id


@pytest.mark.parametrize("id", claims.all_claims())
def test_every_claim_can_be_bet_on_and_read(id, clinic):
    claim, asked, told = claims.get(id), clinic.ask(id, None), clinic.tell(id, "right")
    assert claim.correct not in " ".join(block.said for block in asked)
    assert any(block.said == claim.correct for block in told)
    assert any(block.kind == "numbers" for block in told) == (claim.measurement is not None)
    assert not any("it does not come out" in block.said for block in told)


def test_what_is_left_out_and_code_are_asked_in_their_own_way():
    assert clinic_panel.asked(claims.get("G6")) == (
        "A text is sound, but leaves this out. How right is it, as it stands?", "Not said: what the targets are."
    )  # fmt: skip
    assert clinic_panel.asked(claims.get("A8"))[1] == "Scores without division by √d_head."


def test_again_with_other_random_numbers():
    clinic = Clinic()
    clinic.show("N6")
    assert clinic._again.layout.display == "none"
    clinic.answer = "wrong"
    assert clinic._again.layout.display is None
    first = clinic.figures
    press(clinic, "Measure again")
    assert clinic.seed == 1 and clinic.figures != first and "(seed 1)" in text(clinic)
    clinic.show("R11")  # no experiment
    clinic.answer = "wrong"
    assert clinic._again.layout.display == "none" and clinic.figures == {}
    clinic.show("R1")
    clinic.seed = 99
    clinic.again()
    assert clinic.seed == 0


def test_an_experiment_that_shows_nothing_is_said(monkeypatch):
    monkeypatch.setattr(clinic_panel, "measured", lambda id, seed: {"negative with a ReLU": 1, "negative in GPT-2": 1})
    clinic = Clinic()
    clinic.show("R1")
    clinic.answer = "wrong"
    assert "With these random numbers it does not come out." in text(clinic)


def test_an_experiment_that_fails_is_one_sentence(monkeypatch):
    def broken(id, seed):
        raise MemoryError("no room")

    clinic = Clinic()
    clinic.show("R1")
    monkeypatch.setattr(clinic_panel, "measured", broken)
    press(clinic, "wrong")
    assert clinic.message == "The experiment could not be run: MemoryError."


def test_buttons_bet_once_and_go_round():
    clinic = Clinic()
    press(clinic, "wrong")
    press(clinic, "right")  # a second press changes nothing
    assert clinic.answer == "wrong" and clinic._answer_bar.children[2].description == "● wrong (yours)"
    buttons = clinic._answer_bar.children
    press(clinic, "Next")
    assert clinic.number == 2 and clinic.answer is None and clinic._answer_bar.children == buttons
    press(clinic, "Previous")
    press(clinic, "Previous")
    assert clinic.number == 16
    press(clinic, "Next")
    assert clinic.number == 1
    clinic.answer = None  # from Python it can be taken back
    assert repr(clinic.result) == "0 of 16 answered"


def test_a_shorter_topic_begins_anew():
    clinic = Clinic(topic="attention", number=31)
    clinic.topic = "dropout"
    assert clinic.number == 1 and clinic.key in decks.deck("dropout", 0)


def test_find_the_bug():
    game = FindTheBug()
    game.show("D4")
    bug = game.bug("D4")
    assert f"{bug.broken}, line 2" in [button.description for button in game._answer_bar.children]
    assert "1 − p" not in text(game) and "One of the two is wrong" in text(game)
    press(game, f"{bug.broken}, line 2")
    assert game.answer == f"{bug.broken}2" and game.result.hits == 1
    assert "➤ 2" in text(game) and "code: kept" in text(game)
    game.show("H1")
    game.answer = f"{game.bug('H1').broken}2"
    assert (game.result.hits, game.result.near) == (1, 1)


def test_which_are_right():
    game = WhichAreRight()
    right = game.right("1")
    assert right == tuple(letter for letter, id in zip("abcdef", game.ids("1"), strict=True) if id[0] == "C")
    assert game._boxes["a"].description == "a) " + claims.get(game.ids("1")[0]).statement.replace("`", "")
    for letter in right:
        game._boxes[letter].value = True
    press(game, "Check")
    assert game.answer == right and game.result.hits == 1 and game._answer_bar.layout.display == "none"
    assert "✓ Hit: 6 of 6 judged rightly" in text(game)
    press(game, "Next")
    assert not any(box.value for box in game._boxes.values()) and game._answer_bar.layout.display is None
    game._boxes["b"].value = True
    game._refresh()
    assert game._boxes["b"].value  # a tick that was not checked stays
    game.answer = set("abcdef") - set(game.right("2"))
    assert game.result.misses == 1 and "✗ Miss: 0 of 6" in text(game)
    game.answer = ()
    assert game.answer == ()


@pytest.mark.parametrize("make", GAMES)
def test_bad_answers_are_one_sentence(make):
    game = make()
    for bad in ("Z9", 3, ["x"], {"a": object()}.values(), float("nan"), b"a"):
        with pytest.raises(InputError, match="^answer must be "):
            game.answer = bad
    with pytest.raises(InputError, match="number must be a whole number from 1 to"):
        game.number = 999
    with pytest.raises(InputError, match="there is no claim 'X1'|this deck has no round 'X1'"):
        game.show("X1")
    assert game.answer is None and game.message == ""


@pytest.mark.parametrize("make", GAMES)
def test_stored_it_has_a_picture_and_says_the_same_every_time(make):
    game = make()
    bundle, size = game._repr_mimebundle_()
    assert bundle["text/plain"] == repr(make()) == repr(game) and "\n" not in repr(game)
    assert copies.kind_of({"data": bundle}) == "panel"
    pixels = np.asarray(Image.open(io.BytesIO(game.png)).convert("L"))
    assert pixels.std() > 15 and size["image/png"]["height"] <= 500 and size["image/png"]["width"] <= 910


@pytest.mark.parametrize("make", GAMES)
def test_an_answer_outlives_the_panel_and_the_kernel(make, work, new_kernel):
    game, answer = make(), {Clinic: "wrong", FindTheBug: "A2", WhichAreRight: ("a", "c")}[make]
    game.next()
    game.answer = answer
    order = game.deck()
    again = make(number=2)  # the cell again
    assert again.answer == answer and again.result == game.result
    new_kernel()
    restored = make(number=2)
    assert restored.deck() == order and restored.answer == answer and restored.result == game.result
    kept = json.loads((work / records.FILE).read_text(encoding="utf-8"))["claims"]["15_claims"]
    entry = kept[make.prefix + game.key]
    assert entry["result"] in ("hit", "near", "miss") and entry["time"]
    assert 1 <= kept["order"]["seed"] < 10_000
    restored.answer = None
    new_kernel()
    assert make(number=2).answer is None


@pytest.mark.parametrize("damage", ["Z9", ["a", ["b"]], [3], 7, None, {"a": 1}])
@pytest.mark.parametrize("make", GAMES)
def test_answers_that_no_round_knows_count_as_none(make, damage, work):
    keys = {make.prefix + key: {"answer": damage} for key in make().deck()}
    seed = json.loads((work / records.FILE).read_text())["claims"]["15_claims"]["order"]
    (work / records.FILE).write_text(json.dumps({"claims": {"15_claims": {**keys, "order": seed}}}))
    assert make().result.played == 0


def test_what_cannot_be_kept_is_one_sentence(work):
    clinic = Clinic()
    (work / records.LOCK).unlink()
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # root may write everywhere: a folder in the way does it, too
        (work / records.LOCK).mkdir()
    else:
        work.chmod(stat.S_IRUSR | stat.S_IXUSR)
    press(clinic, "wrong")
    assert clinic.message.startswith("This is kept only until the kernel restarts: ") and clinic.answer == "wrong"
    assert Clinic().answer == "wrong"  # of this kernel
    press(clinic, "Next")
    assert clinic.message == ""
    work.chmod(stat.S_IRWXU)
