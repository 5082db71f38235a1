"""Tours: what the shipped ones state is so, and what is wrong with a tour is one sentence."""

import json

import pytest
from explorers import explorer

from gpt2lab.errors import InputError
from gpt2lab.explorer import Explorer
from gpt2lab.explorer.files import html_page
from gpt2lab.explorer.tours.base import Figure, find
from gpt2lab.explorer.tours.fitting import measure, untrue
from gpt2lab.explorer.tours.reading import parse_tour, place, read_tour, tour_names
from gpt2lab.zoo import load_toy

BEGIN = 'title = "x"\ntext = "a b a"\n'


def step(lines, begin=BEGIN):
    return parse_tour(f'{begin}[[step]]\ndo = "first"\n[[step]]\n{lines}', "mine")


@pytest.mark.parametrize("name", tour_names())
def test_what_a_shipped_tour_states_is_so(name):
    tour = read_tour(name)
    toy = load_toy(tour.model)
    assert untrue(tour, toy.model, toy.encoding) == []
    assert Explorer(toy.model, toy.encoding, tour=name).text == tour.text
    for one in tour.steps[:-1]:
        assert one.until and one.look and one.said and one.expect, one.do
        figures = {part for part in one.said if isinstance(part, Figure)}
        assert figures <= {e.figure for e in one.expect} | {f for f in figures if f.kind == "weight"}, one.do


def test_a_statement_that_is_not_so_is_found():
    tour, toy = read_tour("robot"), load_toy("induction-two-layers")
    own = step('do = "x"\nexpect = ["chance last a > 0.99", "weight 0.0 last a < 2"]', 'title = "x"\ntext = "abcab"\n')
    (line,) = untrue(own, toy.model, toy.encoding)
    assert line.startswith("step 2: Figure(kind='chance'") and line.endswith("expected > 0.99")
    assert tour.steps[5].off == ("head 0.0",) and tour.steps[5].text.count("heavy") == 1  # what holds is carried on


def test_a_figure_is_the_models_own_number():
    toy, tour = load_toy("reference"), read_tour("robot")
    third = tour.steps[2]
    weight = Figure("weight", False, ("it", 2), ("robot", 1), 1, 0)
    assert weight in third.said
    e = Explorer(toy.model, toy.encoding, third.text)
    assert measure(third, toy.model, toy.encoding)(weight) == pytest.approx(float(e.runs[0].weights(1, 0)[12, 1]))


@pytest.mark.parametrize(
    ("word", "expected"),
    [("last", ("", 0)), ("robot", ("robot", 1)), ("it:2", ("it", 2)), (":", (":", 1)), ("a:0", ("a:0", 1))],
)
def test_a_token_is_named_by_its_letters(word, expected):
    assert place(word) == expected


def test_tokens_are_found_by_letters_and_number():
    labels = ["the", "␣it", "␣the", "."]
    assert [find(place(w), labels) for w in ("the", "the:2", "it", "last", "the:3", "")] == [0, 2, 1, 3, None, None]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('do = ""', "do must be a text, got ''"),
        ('do = "x"\nsayd = "y"', "there is no entry 'sayd'; known are do, look, until, said, expect"),
        (
            'do = "x"\nuntil = { heads = "1.0" }',
            "there is no entry 'heads'; known are view, head, token, key, text, off",
        ),
        ('do = "x"\nuntil = { head = "1" }', "expected a head such as \"1.0\", layer and head, got '1'"),
        ('do = "x"\nuntil = { off = "mask" }', "off must be a list of words"),
        ('do = "x"\nuntil = 3', "until must be a table"),
        ('do = "x"\nsaid = "so {wait 1.0 a b}"', 'expected a figure such as "weight 1.0 last robot"'),
        ('do = "x"\nexpect = ["chance last a"]', "with a limit"),
        ('do = "x"\nexpect = ["chance last a > 0.1.2"]', "with a limit"),
        ('do = "x"\nexpect = "chance last a > 0.1"', "expect must be a list"),
    ],
)
def test_a_step_that_breaks_the_form_is_named_in_one_sentence(lines, sentence):
    with pytest.raises(InputError) as error:
        step(lines)
    assert str(error.value).startswith("tour mine, step 2") and sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("title = ", "tour mine: not TOML ("),
        ('title = "x"', "tour mine: text must be a text, got None"),
        (BEGIN, "tour mine: expected its steps, each as a table [[step]]"),
        (BEGIN + "step = 3", "tour mine: expected its steps"),
        (BEGIN + "author = 3\n[[step]]\ndo='x'", "tour mine: there is no entry 'author'"),
    ],
)
def test_a_file_that_is_no_tour_is_one_sentence(source, sentence):
    with pytest.raises(InputError) as error:
        parse_tour(source, "mine")
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('until = { head = "3.0" }', "this model has no head 3.0"),
        ('until = { view = "sideways" }', "there is no view 'sideways'"),
        ('until = { token = "zebra" }', "no token says 'zebra'; there are a, b, a"),
        ('said = "{weight 0.0 a:3 b}"', "no token says 'a:3'"),
        ('until = { off = ["head 7.7"] }', "names layer 7"),
    ],
)
def test_a_tour_that_does_not_fit_the_model_names_the_step(lines, sentence, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'{BEGIN}[[step]]\ndo = "first"\n[[step]]\ndo = "x"\n{lines}', encoding="utf-8")
    with pytest.raises(InputError) as error:
        explorer("", tour=path)
    assert str(error.value).startswith("tour mine, step 2: ") and sentence in str(error.value)


@pytest.mark.parametrize("source", ["sideways", "no/such.toml", "\0", 5])
def test_a_tour_that_is_not_there_is_one_sentence(source):
    with pytest.raises(
        InputError, match="there is no tour .*: choose induction, robot, or a .toml file|a name or a path"
    ):
        explorer(tour=source)


def test_a_page_takes_the_tour_and_its_step_along():
    toy = load_toy("reference")
    e = Explorer(toy.model, toy.encoding, tour="robot", step=1)
    assert e.state.endswith("&step=1&text=" + e.state.partition("&text=")[2])
    page = html_page(e.screen)
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])["state"]
    assert data["step"] == 1 and len(data["_tour"]["steps"]) == 7
    with pytest.raises(InputError, match="step must be a whole number of at least 0"):
        e.step = -1
