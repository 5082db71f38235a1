"""Answers: taken or refused with one sentence, and marked as the page marks them."""

import dataclasses
import json
import subprocess
from collections import Counter
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt2lab import quiz
from gpt2lab.errors import InputError
from gpt2lab.quiz.attempts import Attempt, attempt
from gpt2lab.widgets.quiz_page import as_json

ROOT = Path(__file__).parents[2]
SINGLE, MULTIPLE, NUMBER, ORDER, POINT = SAMPLE = quiz.read(Path(__file__).with_name("sample.toml"))
JS = (ROOT / "gpt2lab/widgets/js").as_uri()


def whys(question, answer):
    return [reason.why for reason in quiz.mark(question, quiz.accept(question, answer)).reasons]


def test_single():
    assert whys(SINGLE, "Row 3") == whys(SINGLE, "A") == []
    assert whys(SINGLE, "Row 4") == ["Places are counted from 0."]
    order = quiz.shuffled(SINGLE, 5)
    letter = "ABCD"[order.index(0)]
    assert quiz.accept(SINGLE, letter, order) == "Row 3"


def test_multiple():
    assert whys(MULTIPLE, ["the embedding", "LayerNorm"]) == whys(MULTIPLE, {"A", "C"}) == []
    assert whys(MULTIPLE, ["A", "B"]) == ["It only rescales what it is given.", "This one is right, too."]
    assert quiz.accept(MULTIPLE, ("C", "A", "A")) == ("LayerNorm", "the embedding")


@pytest.mark.parametrize("value", [2362368, 2362368.0, np.int64(2362368), np.float32(2362368), torch.tensor(2362368.0)])
def test_numbers(value):
    assert whys(NUMBER, value) == []


def test_wrong_numbers():
    assert whys(NUMBER, 2359296) == ["The biases are missing."]
    assert whys(NUMBER, 12) == ["Count four maps from 768 to 768, each with its bias."]
    third = dataclasses.replace(NUMBER, value=0.3, tolerance=0.0, wrong=())
    assert quiz.mark(third, 0.1 + 0.2).right and not quiz.mark(third, 0.30001).right


def test_order_names_the_first_pair_that_is_turned():
    right = [option.text for option in ORDER.options]
    assert [whys(ORDER, list(answer)) == [] for answer in permutations(right)].count(True) == 1
    assert whys(ORDER, list(right)) == []
    assert quiz.mark(ORDER, quiz.accept(ORDER, ["B", "A", "C", "D"])).reasons[0].part == "“scores” comes before “mask”"


def test_point():
    assert whys(POINT, (2, 1)) == whys(POINT, [np.int64(2), 1]) == []
    assert whys(POINT, (1, 2)) == ["Rows and columns are exchanged."]
    assert whys(POINT, (0, 0)) == ["Find the row of the token that looks; its columns are what it looks at."]


def test_a_reason_says_where_it_is_shown():
    assert quiz.mark(SINGLE, "Row 4").reasons[0].see == "Text → tokens → ids"
    assert quiz.mark(POINT, (1, 2)).reasons[0].see == "What training changes"
    assert repr(quiz.mark(NUMBER, 2359296.0)) == "Not right. 2,359,296: The biases are missing."


class Bad:
    """Raises whatever is asked of it."""

    def _raise(self, *args, **kwargs):
        raise RuntimeError("no")

    __repr__ = __str__ = __eq__ = __hash__ = __float__ = __iter__ = __len__ = __bool__ = item = _raise


class BadList(list):
    __iter__ = Bad._raise


HOSTILE = [
    None, BadList([1, 2]), float("nan"), float("inf"), True, b"A", "", "E", "a", object(), Bad(), [], [None], [[1]], {},
    {1}, (1,), (1, 2, 3), (9, 9), (-1, 0), (1.0, 2), ("A", 3), lambda: "A", iter(["A"]), 10**400, 1j, "x" * 10**5,
    torch.zeros(3), np.zeros((2, 2)), Path("A"), Counter("AB"),
]  # fmt: skip


@pytest.mark.parametrize("question", SAMPLE, ids=lambda question: question.kind)
@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: type(answer).__name__)
def test_what_is_no_answer_is_refused_with_one_sentence(question, answer):
    with pytest.raises(InputError) as caught:
        quiz.accept(question, answer)
    said = str(caught.value)
    assert said.startswith(f"the answer to {question.id} must be ") and "; got " in said
    assert "\n" not in said and len(said) < 260


def test_a_learner_s_own_order_is_stable_and_fair():
    first = Counter(quiz.shuffled(SINGLE, seed)[0] for seed in range(2000))
    assert len(first) == 4 and min(first.values()) > 420  # 500 expected, 19 the standard deviation
    assert quiz.shuffled(SINGLE, 7) == quiz.shuffled(SINGLE, 7)
    assert len({quiz.shuffled(dataclasses.replace(SINGLE, id=f"Q{n}"), 0) for n in range(60)}) > 15
    for seed in range(200):
        assert quiz.shuffled(ORDER, seed) != (0, 1, 2, 3)


def answers(question):
    """Every answer to a question, or many."""
    texts = [option.text for option in question.options]
    if question.kind == "single":
        return texts
    if question.kind == "multiple":
        return [[text for text, take in zip(texts, taken, strict=True) if take] for taken in product((0, 1), repeat=4)][
            1:
        ]
    if question.kind == "order":
        return [list(order) for order in permutations(texts)]
    if question.kind == "point":
        return [list(cell) for cell in product(range(3), repeat=2)]
    return [0, 1, -3.5, 2362368, 2362368.001, 2362368.01, 2359296, 2359295, 1e300, 2362368 * (1 + 2e-9)]


def test_the_page_marks_and_shuffles_as_python_does(node):
    seeds = [0, 1, 7, 2**31 - 1]
    page = as_json("", "", SAMPLE, 0)["questions"]
    cases = [(n, answer) for n, question in enumerate(SAMPLE) for answer in answers(question)]
    script = f"""
        import {{ markAnswer, isAnswer }} from "{JS}/marking.mjs";
        import {{ shuffled }} from "{JS}/shuffle.mjs";
        const {{ page, cases, seeds }} = JSON.parse(await new Response(process.stdin).text());
        const reasons = (n, answer) => markAnswer(page[n], answer).reasons;
        const marks = cases.map(([n, answer]) => [
          isAnswer(page[n], answer), reasons(n, answer).map(({{ why, see }}) => [why, see.chapter, see.heading])]);
        const orders = page.map((question) => seeds.map((seed) => shuffled(question, seed)));
        console.log(JSON.stringify([marks, orders]));
    """
    sent = json.dumps({"page": page, "cases": cases, "seeds": seeds})
    done = subprocess.run([node, "--input-type=module", "-e", script], input=sent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    marks, orders = json.loads(done.stdout)
    for (n, answer), (taken, reasons) in zip(cases, marks, strict=True):
        found = quiz.mark(SAMPLE[n], quiz.accept(SAMPLE[n], answer)).reasons
        assert taken and reasons == [[reason.why, *quiz.base.place(reason.see, "")] for reason in found], (n, answer)
    assert orders == [[list(quiz.shuffled(question, seed)) for seed in seeds] for question in SAMPLE]


def test_an_attempt_counts_its_tries_and_remembers_the_first():
    one = Attempt().answered(SINGLE, "Row 4")
    two = one.answered(SINGLE, "Row 3")
    assert (one.tries, one.right, one.first) == (1, False, False)
    assert (two.tries, two.right, two.first) == (2, True, False)
    assert Attempt().answered(SINGLE, "Row 3").first and not Attempt(shown=True).answered(SINGLE, "Row 3").first
    assert attempt(POINT, json.loads(json.dumps(Attempt().answered(POINT, (2, 1)).json))).answer == (2, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELD = st.one_of(JSON, st.sampled_from(["Row 3", "Row 4", ["LayerNorm"], [2, 1], 2362368, 0, 1, 3, True]))


@given(found=JSON | st.fixed_dictionaries({name: FIELD for name in Attempt().json}), n=st.integers(0, 4))
def test_whatever_json_holds_gives_a_sound_attempt_or_none(found, n):
    made = attempt(SAMPLE[n], found)
    if made is not None:
        assert made.right == (made.answer is not None and quiz.mark(SAMPLE[n], made.answer).right)
        assert made.tries >= (made.answer is not None) and isinstance(made.first, bool)
        assert attempt(SAMPLE[n], json.loads(json.dumps(made.json))) == made


def test_a_question_whose_text_changed_keeps_its_tries_only():
    assert attempt(SINGLE, {"answer": "Row 5", "right": True, "tries": 2, "first": True, "shown": False}) == Attempt(
        None, False, 2, True, False
    )
