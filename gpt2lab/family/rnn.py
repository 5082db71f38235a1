r"""A recurrent language model: one step per token, and a state of fixed size between them.

    i = σ(W_i x + U_i h + b_i)      how much of the candidate is written
    f = σ(W_f x + U_f h + b_f)      how much of the cell is kept
    g = tanh(W_g x + U_g h + b_g)   the candidate
    o = σ(W_o x + U_o h + b_o)      how much of the cell is shown
    c <- f · c + i · g
    h <- o · tanh(c)

All that the model knows of the tokens before is h and c. Step t needs the h of step t - 1, so the T steps
of a sequence cannot run side by side, in training either.

Two settings are known to matter and are used here: the bias of the forget gate starts at 1, so that the
cell keeps what it holds, and the recurrent matrices start orthogonal, so that h neither grows nor shrinks.

Sources: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; Gers et al. 2000, "Learning to Forget"
(the forget gate); Jozefowicz et al. 2015, "An Empirical Exploration of Recurrent Network Architectures"
(its bias of 1); Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
neural networks" (orthogonal starts).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates
from gpt2lab.family.language_model import LanguageModel, State
from gpt2lab.tokenizer.tokens import check_tokens

GATES = ("input", "forget", "candidate", "output")  # in torch's order


@dataclass(frozen=True)
class LSTMLayerTrace:
    """One layer, all steps."""

    input_gate: Tensor  # (B, T, d_model), in (0, 1)
    forget_gate: Tensor  # (B, T, d_model), in (0, 1)
    candidate: Tensor  # (B, T, d_model), in (-1, 1)
    output_gate: Tensor  # (B, T, d_model), in (0, 1)
    cell: Tensor  # (B, T, d_model), c after each step
    out: Tensor  # (B, T, d_model), h after each step: what the next layer reads


@dataclass(frozen=True)
class LSTMTrace:
    """One forward pass."""

    tokens: Tensor  # (B, T)
    token_embedding: Tensor  # (B, T, d_model)
    layers: tuple[LSTMLayerTrace, ...]
    logits: Tensor  # (B, T, vocab_size)


@validates
def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The six lines above, for one token.

    Parameters
    ----------
    x : (B, d_in)
    h, c : (B, d_model)
        The state after the token before.
    W : (4·d_model, d_in)
    U : (4·d_model, d_model)
    b : (4·d_model,)
        The rows of the four gates follow each other in the order i, f, g, o.

    Returns
    -------
    h, c : (B, d_model)
    gates : four times (B, d_model)
        i, f, g and o.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    d_model = h.shape[-1]
    fits = W.shape == (4 * d_model, x.shape[-1]) and U.shape == (4 * d_model, d_model) and b.shape == (4 * d_model,)
    if not fits or c.shape != h.shape or x.shape[:-1] != h.shape[:-1]:
        raise InputError(
            f"lstm_step needs h and c (B, d_model), W (4·d_model, d_in), U (4·d_model, d_model), b (4·d_model,), got "
            f"x {tuple(x.shape)}, h {tuple(h.shape)}, c {tuple(c.shape)}, W {tuple(W.shape)}, U {tuple(U.shape)}, "
            f"b {tuple(b.shape)}"
        )
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=-1)  # 4 × (B, d_model)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * c.tanh()
    return h, c, (i, f, g, o)


class LSTMLayer(nn.Module):
    """(B, T, d_model) -> (B, T, d_model). ``forward`` runs torch's fused loop, ``trace`` the equation."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model
        self.input = nn.Linear(d_model, 4 * d_model)  # W and b
        self.recurrent = nn.Linear(d_model, 4 * d_model, bias=False)  # U
        nn.init.normal_(self.input.weight, std=d_model**-0.5)
        nn.init.zeros_(self.input.bias)
        with torch.no_grad():
            self.input.bias[d_model : 2 * d_model] = 1.0  # the forget gate: σ(1) = 0.73 of the cell is kept
            for U in self.recurrent.weight.chunk(4):  # four times (d_model, d_model)
                nn.init.orthogonal_(U)

    def start(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """h and c before the first token: zeros, (B, d_model) each."""
        return x.new_zeros(len(x), self.d_model), x.new_zeros(len(x), self.d_model)

    def forward(self, x: Float[Tensor, "B T d_model"], kept: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All T steps; ``kept`` is h and c before and, returned, after them."""
        W, b, U = self.input.weight, self.input.bias, self.recurrent.weight
        h, c = (part[None] for part in kept)  # 2 × (1, B, d_model): torch's axis of layers
        out, h, c = torch.lstm(
            x, (h, c), [W, U, b, torch.zeros_like(b)],  # torch has a second bias, which adds nothing to the first
            has_biases=True, num_layers=1, dropout=0.0, train=self.training, bidirectional=False, batch_first=True,
        )  # fmt: skip
        return out, (h[0], c[0])

    def trace(self, x: Float[Tensor, "B T d_model"]) -> LSTMLayerTrace:
        """The same result with the gates and the cell of every step."""
        h, c = self.start(x)
        steps: list[tuple[Tensor, ...]] = []
        for t in range(x.shape[1]):
            h, c, gates = lstm_step(x[:, t], h, c, self.input.weight, self.recurrent.weight, self.input.bias)
            steps.append((*gates, c, h))
        return LSTMLayerTrace(*(torch.stack(values, dim=1) for values in zip(*steps, strict=True)))


class LSTMLM(LanguageModel):
    """Token embedding, ``n_layers`` LSTM layers, tied output layer: tokens (B, T) -> logits (B, T, vocab_size)."""

    layers: list[LSTMLayer]  # an nn.ModuleList, typed by what it holds

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(LSTMLayer(config.d_model) for _ in range(config.n_layers))  # type: ignore[assignment]

    def empty_state(self, B: int) -> State:
        """h and c of each layer, all zero."""
        rows = self.token_embedding.weight.new_empty(B, 0)
        return State([layer.start(rows) for layer in self.layers])

    def run(self, x: Tensor, state: State | None = None) -> Tensor:
        x = self.dropout(x)
        for i, layer in enumerate(self.layers):
            x, kept = layer(x, layer.start(x) if state is None else state.layers[i])  # (B, T, d_model)
            x = self.dropout(x)
            if state is not None:
                state.layers[i] = kept
        return x

    @validates
    def trace(self, tokens: Tensor) -> LSTMTrace:
        """One forward pass with every gate and every state, by the equations; no dropout."""
        check_tokens(tokens, self.config)
        x = token_embedding = self.token_embedding(tokens)  # (B, T, d_model)
        layers = []
        for layer in self.layers:
            layers.append(layer.trace(x))
            x = layers[-1].out
        return LSTMTrace(tokens, token_embedding, tuple(layers), self.unembed(x))
