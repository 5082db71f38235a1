"""Numbers and question keys: Python and JavaScript write the same, halves rounded up."""

import json
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from explorers import explorer

from gpt2lab.explorer import words
from gpt2lab.explorer.answers import first_questions
from gpt2lab.explorer.files import html_page
from gpt2lab.explorer.screen import Knobs
from gpt2lab.explorer.views.next import Next

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "tests/js/rounding.json").read_text(encoding="utf-8"))
WRITERS = {"amount": words.amount, "percent": words.percent, "number": words.number}


def question(token, temperature, top_k, top_p):
    return Next().ask(token, Knobs(float(temperature), top_k, float(top_p)))


@pytest.mark.parametrize("name", WRITERS)
def test_python_writes_what_the_table_says(name):
    assert [WRITERS[name](float(value)) for value, _ in CASES[name]] == [text for _, text in CASES[name]]


def test_questions_are_written_as_the_table_says():
    assert [question(*values) for values, _ in CASES["question"]] == [text for _, text in CASES["question"]]


def test_a_number_of_numpy_is_written_as_its_exact_value():
    assert words.percent(np.float32(0.1)) == "10.0 %"
    assert words.amount(np.float32(0.125)) == ".13"
    assert words.number(np.float32(-1.125)) == "−1.13"


def test_a_half_is_seen_although_adding_a_half_would_round():
    assert words.half_up(0.49999999999999994) == 0
    assert [words.half_up(x) for x in (0.5, 1.5, 2.5, -0.5, -1.5, 312.5)] == [1, 2, 3, 0, -1, 313]


def random_numbers(seed, n):
    """Ties, numbers next to ties, and numbers of every size."""
    draw = random.Random(seed)
    found = []
    while len(found) < n:
        tie = draw.randrange(1 << 14) / 2 ** draw.randrange(1, 12)
        near = tie * (1 + draw.choice([-1, 1]) * 2**-52)
        decimal = draw.randrange(10**6) / 10 ** draw.randrange(1, 6)
        any_size = draw.random() * 10 ** draw.uniform(-6, 24)
        found += [tie, near, decimal, any_size]
    return [sign * x for x in found for sign in (1, -1)]


def test_both_languages_write_the_same_for_random_numbers(node):
    numbers = random_numbers(0, 4000)
    shares = [x % 1 for x in numbers]
    # A page asks for what it shows, and the knobs move in any steps.
    knobs = [[i % 60, abs(x) % 10, i % 7, max(p, 1e-6)] for i, (x, p) in enumerate(zip(numbers, shares, strict=True))]
    given = {"amount": shares, "percent": shares, "number": numbers, "question": knobs}
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ amount, number, percent }} from "{(ROOT / "gpt2lab/explorer/js/words.mjs").as_uri()}";
        import {{ nextQuestion }} from "{(ROOT / "gpt2lab/explorer/js/store.mjs").as_uri()}";
        const given = JSON.parse(readFileSync(0, "utf8"));
        const written = {{ question: given.question.map((values) => nextQuestion(...values)) }};
        for (const [name, write] of Object.entries({{ amount, percent, number }})) {{
          written[name] = given[name].map((value) => write(value));
        }}
        process.stdout.write(JSON.stringify(written));
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", script], input=json.dumps(given), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    for name, write in WRITERS.items():
        assert [write(value) for value in given[name]] == theirs[name], name
    assert [question(*values) for values in knobs] == theirs["question"]


def test_a_page_answers_the_question_that_its_reader_asks_at_a_half():
    screen = explorer("a b c", temperature=0.3125, top_p=0.9375).screen
    assert first_questions(screen)[-1] == f"next/{screen.token}/313/0/938"
    for token in range(screen.run.T):
        assert f'"next/{token}/313/0/938": {{"meta"' in html_page(screen, recorded=True)
