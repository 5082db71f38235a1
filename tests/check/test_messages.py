"""No message of a check prints the line that the exercise asks for."""

import ast
import functools
import re
from pathlib import Path

import pytest
import torch

from gpt2lab import check
from gpt2lab.check import base

FOLDER = Path(base.__file__).parent
SOLUTIONS = sorted((FOLDER.parents[1] / "chapters" / "solutions").glob("*/*.py"))

# What stands in a solution and in no hint.
FORMULAS = {
    "a product of matrices": r"\w @ \w|token_table\.T|weight\.T\b|transpose\(-2, -1\)|kᵀ",
    "a residual sum": r"x \+ (?!block)\w+\(|\(ln(_\d)?\(x|ln\((f\(|x \+)",
    "a whole softmax": r"softmax\(\w+ /|softmax\(q",
    "the initial scale": r"1/√\(2·n_layers\)",
    "the GELU": r"1 \+ tanh\(|x \+ 0\.044715",
    "the feed-forward network": r"gelu\(W_up",
    "the schedule": r"1 \+ cos",
    "AdamW": r"betas\[\d\] · [mv]|theta - lr",
    "frequencies and slopes": r"-2i / d_|-8h / n_heads",
}


@functools.cache
def messages():
    """Each text in the modules of the checks that is no docstring; the parts of an f-string one by one."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
        docs = {
            id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                found.append((f"{path.name}:{node.lineno}", node.value))
    return found


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_message_holds_a_formula(formula):
    found = [(where, text) for where, text in messages() if re.search(FORMULAS[formula], text)]
    assert not found
    assert len(messages()) > 300  # the texts are found at all


def plain(text):
    """Without blanks, and with a formula's signs as Python writes them."""
    signs = {"·": "*", "²": "**2", "³": "**3", "−": "-", "√": "sqrt"}
    return re.sub(r"\s", "", "".join(signs.get(sign, sign) for sign in text))


def solved():
    """The expressions in the solutions of the exercises that are more than a name or a number."""
    kinds = (ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Subscript)
    for path in SOLUTIONS:
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
                if isinstance(node, kinds) and len(text := plain(ast.unparse(node))) >= 9:
                    yield text, path.stem


def test_no_message_holds_a_piece_of_a_solution():
    pieces = dict(solved())
    assert len(pieces) > 200
    texts = [(where, plain(text)) for where, text in messages()]
    found = [(where, piece, text) for where, text in texts for piece in pieces if piece in text]
    assert not found


WRONG = {  # answers of the right shape that no check recognises
    "unembed": lambda x, token_table: 3 * x @ token_table.T + 1,
    "attention_scores": lambda q, k: 3 * q @ k.transpose(-2, -1) + 1,
    "pre_ln": lambda x, f, ln: 3 * x + 1,
    "post_ln": lambda x, f, ln: 3 * x + 1,
    "residual": lambda x, f: 3 * x + 1,
    "residual_scale": lambda n_layers: 0.123,
    "gelu": lambda x: 3 * x + 1,
    "temperature": lambda logits, temperature: torch.full_like(logits, 0.3),
    "perplexity": lambda losses: 0.123,
    "sinusoidal": lambda length, d_model: torch.full((length, d_model), 0.3),
    "alibi_bias": lambda n_heads, T: torch.full((n_heads, T, T), 0.3),
    "rope": lambda x, positions: 3 * x + 1,
}


@pytest.mark.parametrize("name", WRONG)
def test_an_unknown_mistake_gets_a_hint_without_the_formula(name):
    result = getattr(check, name)(WRONG[name])
    assert result.passed is False
    assert "ot right" in result.message or "is not the" in result.message or "is not p" in result.message, (
        result.message
    )
    assert not [formula for formula, pattern in FORMULAS.items() if re.search(pattern, result.message)]


def test_the_list_of_files_names_every_check_where_it_is():
    listed = {}
    for file, names in re.findall(
        r"^    (\w+)  +(\w+(?:, \w+)*)$", check.__doc__.split("The files are")[1], re.MULTILINE
    ):
        listed |= {name: f"gpt2lab.check.{file}" for name in names.split(", ")}
    checks = [name for name in check.__all__ if name.islower()]
    assert listed == {name: getattr(check, name).__module__ for name in checks}
