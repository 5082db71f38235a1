"""GPT-2 as a classifier, read at the last real token; answers compared by their probability."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.family.answers import zero_shot
from gpt2lab.family.classifier import GPT2Classifier, last_real
from gpt2lab.zoo import load_toy

CONFIG = GPT2Config.tiny(vocab_size=11, context_length=12)


def small(n_classes: int = 3) -> GPT2Classifier:
    torch.manual_seed(0)
    return GPT2Classifier(build("gpt2", CONFIG), n_classes).eval()


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    padding=st.integers(0, 3),
    left=st.booleans(),
    filling=st.integers(0, 10),
)
@settings(max_examples=30, deadline=None)
def test_a_padded_row_is_classified_as_if_alone(lengths, padding, left, filling):
    model, T = small(), max(lengths) + padding
    tokens, mask = torch.full((len(lengths), T), filling), torch.zeros(len(lengths), T, dtype=torch.bool)
    rows = [torch.randint(11, (n,), generator=torch.Generator().manual_seed(n)) for n in lengths]
    for i, row in enumerate(rows):
        place = slice(T - len(row), T) if left else slice(0, len(row))
        tokens[i, place], mask[i, place] = row, True
    alone = torch.cat([model(row[None]) for row in rows])
    assert_close(model(tokens, mask), alone, atol=1e-5, rtol=0)
    trace = model.trace(tokens, mask)
    assert_close(trace.logits, alone, atol=1e-5, rtol=0)
    assert [int(tokens[i, at]) for i, at in enumerate(trace.last)] == [int(row[-1]) for row in rows]


def test_it_reads_the_last_token_and_no_other():
    model, tokens = small(), torch.arange(8)[None]
    assert_close(model(tokens), model.head(model.gpt2.hidden(tokens)[:, -1]), atol=1e-6, rtol=0)
    assert_close(model(tokens), model(tokens, torch.ones(1, 8, dtype=torch.bool)), atol=0, rtol=0)


def test_bad_masks_and_classes_are_refused():
    model, tokens = small(), torch.zeros(2, 4, dtype=torch.long)
    with pytest.raises(ValueError, match=r"the mask must be boolean .* shape of the tokens \(2, 4\), got .*\(2, 3\)"):
        model(tokens, torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="the mask must be boolean"):
        model(tokens, torch.ones(2, 4))
    mask = torch.tensor([[True] * 4, [False] * 4])
    with pytest.raises(ValueError, match="row 1 has no real token"):
        model(tokens, mask)
    with pytest.raises(ValueError, match="every row needs a real token to be read at, but row 1 has none"):
        last_real(mask)
    with pytest.raises(ValueError, match=r"last_real needs a boolean mask \(B, T\)"):
        last_real(torch.ones(3))
    with pytest.raises(ValueError, match="tokens are empty"):
        model(torch.zeros(2, 0, dtype=torch.long))
    for n_classes in (1, 0, 2.5):
        with pytest.raises(ValueError, match="n_classes must be a whole number of at least 2"):
            GPT2Classifier(model.gpt2, n_classes)
    with pytest.raises(ValueError, match="GPT2Classifier needs a GPT2 of gpt2lab, got Linear"):
        GPT2Classifier(torch.nn.Linear(2, 2), 2)


@given(answers=st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=4), min_size=2, max_size=4, unique_by=tuple))
@settings(max_examples=20, deadline=None)
def test_zero_shot_is_the_sum_of_log_probabilities(answers):
    model, prompt = build("gpt2", CONFIG).eval(), [3, 1, 4]
    found = zero_shot(model, prompt, answers)
    for i, answer in enumerate(answers):
        tokens = torch.tensor([prompt + answer])
        log_p = model(tokens).log_softmax(-1)[0]
        expected = sum(log_p[len(prompt) + k - 1, token] for k, token in enumerate(answer))
        assert_close(found.log_probs[i], expected.detach(), atol=1e-4, rtol=0)
        assert_close(found.per_token[i], expected.detach() / len(answer), atol=1e-4, rtol=0)
    assert found.best == int(found.log_probs.argmax()) and found.best_per_token == int(found.per_token.argmax())


def test_one_answer_can_win_by_its_length_alone():
    """Both tokens are alike for an untrained model, so the shorter answer wins, and per token it does not."""
    model = build("gpt2", CONFIG).eval()
    with torch.no_grad():
        model.token_embedding.weight.zero_()  # every token has probability 1/11
    found = zero_shot(model, [1], [[2, 3, 4], [5]])
    assert found.best == 1
    assert_close(found.per_token, torch.full((2,), -torch.log(torch.tensor(11.0)).item()))


def test_the_trained_model_answers_without_a_head():
    toy = load_toy("sentiment")
    prompt = toy.encoding.encode_ordinary("the food was good and the room was not bad and the staff was rude =>")
    answers = [toy.encoding.encode_ordinary(text) for text in (" negative", " positive")]
    assert zero_shot(toy.model, prompt, answers).best == 1


def test_bad_answers_are_refused():
    model = build("gpt2", CONFIG)
    with pytest.raises(ValueError, match="zero_shot compares at least two answers, got 1"):
        zero_shot(model, [1], [[2]])
    with pytest.raises(ValueError, match="answer 1 is empty"):
        zero_shot(model, [1], [[2], []])
    with pytest.raises(ValueError, match="the prompt is empty"):
        zero_shot(model, [], [[2], [3]])
    with pytest.raises(ValueError, match="the answers must differ"):
        zero_shot(model, [1], [[2], [2]])
    with pytest.raises(ValueError, match=r"answer 1: token ids must lie in \[0, 11\), got 11"):
        zero_shot(model, [1], [[2], [11]])
    with pytest.raises(ValueError, match="the prompt takes token ids, got the text"):
        zero_shot(model, "good", [[2], [3]])
    with pytest.raises(ValueError, match="context_length is 12"):
        zero_shot(model, [1] * 11, [[2], [3, 4, 5]])
