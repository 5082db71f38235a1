r"""Zero-shot classification: no new layer and no training, only the probabilities of the possible answers.

    log p(answer | prompt) = sum over the tokens a_k of the answer of  log p(a_k | prompt, a_1 … a_{k-1})

A long answer has more factors below 1 than a short one, so it tends to lose for its length alone. Divided
by the number of tokens, the sum is a mean per token; neither of the two is right for every set of answers.

Sources: Radford et al. 2019, section 3 (tasks as text, without training); Brown et al. 2020, "Language
Models are Few-Shot Learners", section 2.4 (answers compared by probability per token).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.model import GPT2, evaluating, plain_model
from gpt2lab.tokenizer.tokens import pad_left, token_ids


@dataclass(frozen=True)
class ZeroShot:
    """What a model makes of each answer."""

    log_probs: Tensor  # (n_answers,) nats: log p(answer | prompt)
    n_tokens: Tensor  # (n_answers,)

    @property
    def per_token(self) -> Tensor:
        """(n_answers,) nats per token: the length-normalised score."""
        return self.log_probs / self.n_tokens

    @property
    def best(self) -> int:
        """The likeliest answer."""
        return int(self.log_probs.argmax())

    @property
    def best_per_token(self) -> int:
        """The likeliest answer per token."""
        return int(self.per_token.argmax())


@torch.no_grad()
@validates
def zero_shot(model: GPT2, prompt_ids: Sequence[int], answers_ids: Sequence[Sequence[int]]) -> ZeroShot:
    """Score answers after a prompt.

    Parameters
    ----------
    model : GPT2
        Run in evaluation mode.
    prompt_ids : sequence of int
        At least one token.
    answers_ids : sequence of sequences of int
        At least two answers, each of at least one token. An answer that begins with a word has its space.

    Returns
    -------
    ZeroShot

    Raises
    ------
    ValueError
        If the prompt or an answer is empty, there are fewer than two answers, two are the same, an id is not
        in the vocabulary, or prompt and answer together are longer than the context.
    """
    model = plain_model(model, "zero_shot")
    prompt = _ids("the prompt", prompt_ids, model)
    if len(answers_ids) < 2:
        raise InputError(f"zero_shot compares at least two answers, got {len(answers_ids)}")
    answers = [_ids(f"answer {i}", answer, model) for i, answer in enumerate(answers_ids)]
    if len({tuple(answer) for answer in answers}) < len(answers):
        raise InputError("the answers must differ, but two of them are the same")
    tokens, mask = pad_left([prompt + answer for answer in answers])  # 2 × (n_answers, T)
    tokens, mask = (part.to(model.token_embedding.weight.device) for part in (tokens, mask))
    with evaluating(model):
        log_p = model(tokens[:, :-1], mask[:, :-1]).float().log_softmax(dim=-1)  # (n_answers, T - 1, vocab_size)
    chosen = log_p.gather(2, tokens[:, 1:, None])[:, :, 0].cpu()  # (n_answers, T - 1), of the token that follows
    n_tokens = torch.tensor([len(answer) for answer in answers])  # (n_answers,)
    # Padded on the left, every answer ends at the right edge.
    answering = torch.arange(chosen.shape[1]) >= chosen.shape[1] - n_tokens[:, None]  # (n_answers, T - 1)
    return ZeroShot(torch.where(answering, chosen, 0.0).sum(dim=1), n_tokens)


@validates
def _ids(name: str, ids: Sequence[int], model: GPT2) -> list[int]:
    token_ids(name, ids, model.config.vocab_size)  # refuses what is no token
    listed = [int(one) for one in ids]
    if not listed:
        raise InputError(f"{name} is empty: it needs at least one token")
    return listed
