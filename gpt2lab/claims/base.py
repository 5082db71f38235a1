"""What a claim is, where its data lie, and how an experiment finds its claim.

The claims stand in ``data/TOPIC.toml``, one table per id::

    [R1]
    statement = "After the addition of input and sub-layer output comes a ReLU."
    verdict = "false"            # one of VERDICTS
    correct = "Nothing follows the sum in GPT-2: …"
    source = "openai/gpt-2 src/model.py, block; Vaswani et al. 2017, section 3.1"

An experiment stands in ``experiments/TOPIC.py``. It runs in seconds on a CPU and returns the figures on
which the verdict rests; ``shows`` says what they must be like. Whatever draws from torch's own generator
draws by the seed::

    @experiment("R1", shows=lambda found: found["negative with the ReLU"] == 0 < found["negative in GPT-2"])
    def relu_after_the_sum(seed: int) -> Figures:
        \"\"\"One block with random weights, as it is and with a ReLU after the sums.\"\"\"

A topic with many experiments spreads them over ``experiments/TOPIC.py`` and ``experiments/TOPIC_*.py``.

Where the claim is code, the experiment has it twice: ``wrong``, minimal, with its one wrong line, and
``right``, the same with that line mended. Their names end in ``_wrong`` and ``_right``, and both have
one docstring, their ``purpose``; ``listing`` shows them without all this, so that nothing but the line differs.

Sections of papers are given from memory where the paper could not be opened.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import textwrap
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

from gpt2lab.errors import InputError, shown, validates, whole_number

Figures: TypeAlias = dict[str, int | float]  # what was measured, each under a name that says what it is
TOPICS = ("residual", "layernorm", "attention", "heads", "positions", "feedforward", "dropout", "gpt2", "masking",
          "encoder_decoder", "training", "doubted")  # fmt: skip
EXTRA = "extra"  # the topic of what chapters take up beside those
VERDICTS = ("false", "misleading", "incomplete", "does not run", "computes something else", "outdated", "contested",
            "right")  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """A measurement that could have refuted the verdict."""

    run: Callable[[int], Figures]
    shows: Callable[[Figures], bool]
    wrong: Callable[..., object] | None = None  # the claim's code, with its one wrong line
    right: Callable[..., object] | None = None

    @property
    def purpose(self) -> str | None:
        """What both versions are meant to do, without saying what one of them misses; None without such code."""
        return inspect.getdoc(self.right) if self.right else None

    @property
    def wrong_line(self) -> int | None:
        """The line of ``listing(wrong)``, from 1, that ``listing(right)`` has otherwise; None without such code."""
        if self.wrong is None or self.right is None:
            return None
        pairs = zip(listing(self.wrong).splitlines(), listing(self.right).splitlines(), strict=True)
        return next(number for number, (wrong, right) in enumerate(pairs, 1) if wrong != right)


def listing(function: Callable[..., object]) -> str:
    """The source of a ``wrong`` or a ``right``, called f, without types, docstring and comments.

    Nothing but the line itself tells the two apart.
    """
    text = textwrap.dedent(inspect.getsource(function))
    made = ast.parse(text).body[0]
    assert isinstance(made, ast.FunctionDef), f"{function.__name__} is no function"
    for parameter in ast.walk(made.args):
        if isinstance(parameter, ast.arg):
            parameter.annotation = None
    body = made.body[1:] if ast.get_docstring(made) else made.body
    lines = [f"def f({ast.unparse(made.args)}):", *text.splitlines()[body[0].lineno - 1 :]]
    lines = [re.sub(rf"\b{made.name}\b", "f", re.sub(r"\s+# .*$", "", line)).rstrip() for line in lines]
    return "\n".join(filter(None, lines))


@dataclass(frozen=True)
class Claim:
    """A statement in circulation, and what is right instead.

    Attributes
    ----------
    id : str
        As in the tag ``claim:R1``.
    topic : str
        One of ``TOPICS``, or ``EXTRA``.
    statement : str
        What is said, in the course's words. Code that is wrong begins with "In code:", what is missing with
        "(Left out:".
    verdict : str
        One of ``VERDICTS``.
    correct : str
        What holds.
    source : str
        Where it can be checked.
    """

    id: str
    topic: str
    statement: str
    verdict: str
    correct: str
    source: str

    @property
    def measurement(self) -> Experiment | None:
        """The experiment, if there is one."""
        _load(self.topic)
        return _EXPERIMENTS.get(self.id)

    @validates
    def experiment(self, seed: int = 0) -> Figures:
        """Measure it, the same figures for the same seed; torch's generator and settings stay as they are.

        Raises
        ------
        InputError
            If the claim has no experiment, or the seed is not a whole number.
        """
        measured = self.measurement
        if measured is None:
            raise InputError(f"claim {self.id} has no experiment; its verdict rests on {self.source}")
        number = whole_number("seed", seed)
        import torch  # the statements are read without it

        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(number)
            return measured.run(number)

    def holds(self, figures: Figures) -> bool:
        """Whether the figures of an experiment bear the verdict out."""
        measured = self.measurement
        return measured is not None and bool(measured.shows(figures))


_EXPERIMENTS: dict[str, Experiment] = {}


def experiment(
    id: str,
    shows: Callable[[Figures], bool],
    wrong: Callable[..., object] | None = None,
    right: Callable[..., object] | None = None,
) -> Callable[[Callable[[int], Figures]], Callable[[int], Figures]]:
    """File a function of a seed as the experiment of a claim.

    Parameters
    ----------
    shows : function
        Of the figures: whether they bear the verdict out.
    wrong, right : functions, optional
        The claim's code with its one wrong line, and the same with the right one.
    """

    def file(run: Callable[[int], Figures]) -> Callable[[int], Figures]:
        _EXPERIMENTS[id] = Experiment(run, shows, wrong, right)
        return run

    return file


@functools.cache
def _load(topic: str) -> None:
    """Import the topic's experiments, which file themselves."""
    for file in files("gpt2lab.claims.experiments").iterdir():
        name = file.name.removesuffix(".py")
        if name == topic or name.startswith(f"{topic}_"):
            importlib.import_module(f"gpt2lab.claims.experiments.{name}")


@functools.cache
def all_claims() -> dict[str, Claim]:
    """Every claim of the topics by its id, in the order of the topics."""
    return {id: claim for topic in TOPICS for id, claim in _read(topic).items()}


@functools.cache
def extra_claims() -> dict[str, Claim]:
    """Claims that only boxes of chapters take up, X1, X2, …, by id."""
    return _read(EXTRA)


def _read(topic: str) -> dict[str, Claim]:
    table = tomllib.loads(files("gpt2lab.claims").joinpath(f"data/{topic}.toml").read_text(encoding="utf-8"))
    return {id: Claim(id=id, topic=topic, **fields) for id, fields in table.items()}


@validates
def get(id: str) -> Claim:
    """The claim of a topic with that id.

    Raises
    ------
    InputError
        If there is none.
    """
    claims = all_claims()
    if not isinstance(id, str) or id not in claims:
        raise InputError(
            f"there is no claim {shown(id)}; the ids are {', '.join(list(claims)[:3])} … {list(claims)[-1]}"
        )
    return claims[id]
