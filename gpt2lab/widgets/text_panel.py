"""What panels over a model share: a line of text, its tokens, and a trace of the model on them."""

from __future__ import annotations

import functools
from typing import ClassVar, Protocol, runtime_checkable

import tiktoken
import torch

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates
from gpt2lab.model import GPT2
from gpt2lab.tokenizer import course_encoding, gpt2_encoding, left_out, token_labels
from gpt2lab.tokenizer.vocabulary import VocabularyError
from gpt2lab.trace import BlockTrace, GPT2Trace
from gpt2lab.widgets.base import Panel, R
from gpt2lab.widgets.traits import Words

SENTENCE = "The robot could not lift the box because it was heavy"


@runtime_checkable
class Equipped(Protocol):
    """A model together with the encoding of its tokens, such as ``gpt2lab.zoo.ToyModel``."""

    @property
    def model(self) -> GPT2: ...

    @property
    def encoding(self) -> tiktoken.Encoding: ...


class TextPanel(Panel[R]):
    """A panel that shows a model at work on a text.

    Parameters
    ----------
    model : GPT2, optional
        A small one with random weights by default. One of your own needs the same ``config`` and
        ``trace(tokens)``. An object with a ``model`` and an ``encoding`` (a toy model) brings both.
    encoding : tiktoken.Encoding, optional
        Turns text into the model's tokens; GPT-2's by default.
    weights : str, optional
        What the picture says about the weights. By default "random weights" if the model has
        never been trained, otherwise nothing.
    **settings
        Start values of the panel's settings.

    Raises
    ------
    ValueError
        If the text has no token, too many, or one that the model does not know.
    """

    max_tokens = 24  # more labels than these cannot be read from the back row

    text = Words(SENTENCE, label="Text")

    @validates
    def __init__(
        self,
        model: GPT2 | Equipped | None = None,
        encoding: tiktoken.Encoding | None = None,
        *,
        weights: str | None = None,
        **settings: object,
    ) -> None:
        if isinstance(model, Equipped):
            encoding = model.encoding if encoding is None else encoding
            model = model.model
        self.encoding = default_encoding() if encoding is None else encoding
        self.model = demo_model(self.encoding.n_vocab) if model is None else model
        self.weights = ("random weights" if is_untrained(self.model) else "") if weights is None else weights
        self._traced: tuple[object, GPT2Trace] | None = None  # with the key that it belongs to
        settings.setdefault("text", self._shortened(type(self).text.default_value))
        super().__init__(**settings)

    def _shortened(self, text: str) -> str:
        """As much of a text as the panel can show: other tokenizers need more tokens for it."""
        limit = min(self.max_tokens, self.model.config.context_length)
        tokens = self.encoding.encode_ordinary(text)
        return text if len(tokens) <= limit else self.encoding.decode(tokens[:limit])

    @property
    def tokens(self) -> list[int]:
        """Ids of the text's tokens."""
        return self.encoding.encode_ordinary(self.text)

    @property
    def labels(self) -> list[str]:
        """The tokens as a reader sees them."""
        return token_labels(self.encoding, self.tokens)

    @property
    def trace(self) -> GPT2Trace:
        """The model's trace on the text. Kept until the text or a setting in ``trace_key`` changes."""
        key = self.trace_key()
        if self._traced is None or self._traced[0] != key:
            with torch.no_grad():
                self._traced = (key, self.run_model(torch.tensor([self.tokens])))
        return self._traced[1]

    @property
    def blocks(self) -> list[BlockTrace]:
        """The trace of every block."""
        return recorded(self.trace)

    def trace_key(self) -> object:
        """The settings that the trace depends on."""
        return self.text

    def run_model(self, tokens: torch.Tensor) -> GPT2Trace:
        """One trace: (1, T) tokens."""
        return self.model.trace(tokens)

    def forget(self) -> None:
        self._traced = None

    def accept_text(self, text: str) -> None:
        """Raise a ValueError with one sentence if the text cannot be shown."""
        tokens = self.encoding.encode_ordinary(text)
        limit = min(self.max_tokens, self.model.config.context_length)
        unknown = [part.strip() for part in left_out(self.encoding, text) if part.strip()]
        if unknown:
            raise InputError(
                f"text must be made of the words that the model knows, got {unknown[0][:40]!r}: leave it out"
            )
        if not tokens:
            raise InputError("text must have at least one token, got an empty string")
        if len(tokens) > limit:
            raise InputError(f"text must have at most {limit} tokens here, got {len(tokens)}: shorten it")
        if max(tokens) >= self.model.config.vocab_size:
            raise InputError(
                f"text has token {max(tokens)}, but the model knows only {self.model.config.vocab_size}: "
                "give the panel the model's own encoding"
            )

    @property
    def last_token(self) -> int:
        return len(self.tokens) - 1

    @property
    def last_layer(self) -> int:
        return self.model.config.n_layers - 1

    @property
    def last_head(self) -> int:
        return self.model.config.n_heads - 1


class TokenPanel(TextPanel[R]):
    """A TextPanel in which one token is chosen: the last one at the start, and always one of the text.

    ``chosen`` names the trait, which each panel makes itself, so that its settings stay in their order.
    """

    chosen: ClassVar[str] = "token"

    @validates
    def __init__(
        self,
        model: GPT2 | Equipped | None = None,
        encoding: tiktoken.Encoding | None = None,
        *,
        weights: str | None = None,
        **settings: object,
    ) -> None:
        self._start_at_last = self.chosen not in settings
        super().__init__(model, encoding, weights=weights, **settings)

    def settle(self) -> None:
        if self._start_at_last or getattr(self, self.chosen) > self.last_token:
            setattr(self, self.chosen, self.last_token)
            self._start_at_last = False


def recorded(trace: GPT2Trace) -> list[BlockTrace]:
    """The blocks that a trace holds: all of them, unless it was told to leave some out."""
    return [block for block in trace.blocks if block is not None]


@functools.cache
def demo_model(vocab_size: int) -> GPT2:
    """A small GPT-2 with random weights, the same on every run: 4 layers, 4 heads, d_model 32.

    The weights are drawn larger than GPT-2's 0.02 (std 1/sqrt(d_model), so that queries and keys
    have unit variance). At 0.02 a model this narrow attends to everything alike.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPT2(GPT2Config.tiny(vocab_size=vocab_size, n_layers=4))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("weight") and ".ln_" not in name and not name.startswith("ln_f"):
                    parameter.mul_(model.config.d_model**-0.5 / 0.02)
    return model.eval()


def default_encoding() -> tiktoken.Encoding:
    """GPT-2's tokenizer, or the course's own where GPT-2's vocabulary could not be fetched."""
    try:
        return gpt2_encoding()
    except VocabularyError:
        return course_encoding()


def is_untrained(model: torch.nn.Module) -> bool:
    """Whether no step of training was ever taken: all biases are exactly zero, as at the start."""
    biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
    return bool(biases) and not any(p.detach().any() for p in biases)
