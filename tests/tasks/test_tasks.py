"""Each task keeps its rule, its splits apart and its promises about bad input."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2lab.tasks import IGNORE, TASKS, Task, get_task
from gpt2lab.tasks.brackets import PAIRS
from gpt2lab.tasks.drawing import is_held_out
from gpt2lab.tasks.numbers import number_words
from gpt2lab.tasks.reference import ABOUT_THE_FIRST, NEW_VERBS
from gpt2lab.tasks.sentiment import BAD, GOOD

SMALL = [name for name in TASKS if name != "stdlib"]  # the library is read once, in its own tests


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def text(task: Task, row: torch.Tensor) -> str:
    return task.encoding.decode(row.tolist()).replace("<|endoftext|>", "")


def whole(task: Task, n: int = 200, split: str = "train", seed: int = 0) -> list[str]:
    tokens, _ = task.sequences(n, seeded(seed), split)
    return [text(task, row) for row in tokens]


@pytest.mark.parametrize("name", TASKS)
def test_batches(name: str) -> None:
    task = get_task(name)
    inputs, targets = task.batch(16, seeded())
    assert inputs.shape == targets.shape == (16, task.length)
    assert inputs.min() >= 0 and inputs.max() < task.encoding.n_vocab
    scored = targets != IGNORE
    assert scored.any(dim=1).all()  # every sequence asks something
    shifted = inputs[:, 1:]
    if task.in_order:
        assert (targets[:, :-1][scored[:, :-1]] == shifted[scored[:, :-1]]).all()  # target t is token t + 1, not t
    again = task.batch(16, seeded())
    assert torch.equal(inputs, again[0]) and torch.equal(targets, again[1])
    assert not torch.equal(inputs, task.batch(16, seeded(1))[0])


@pytest.mark.parametrize("name", SMALL)
def test_held_out_cases_are_never_in_training(name: str) -> None:
    task = get_task(name)
    trained = {text for seed in range(5) for text in whole(task, min(512, task.n_train or 512), "train", seed)}
    held_out = set(whole(task, 512, "held_out"))
    assert len(held_out) > 30 and not trained & held_out


@pytest.mark.parametrize("name", SMALL)
def test_text_and_tokens(name: str) -> None:
    task = get_task(name)
    for example in task.examples(5):
        assert task.encoding.decode(task.encode(example)[0].tolist()) == example
    with pytest.raises(ValueError, match=f"task '{name}' has no token for '§'; an example of its language"):
        task.encode("§")
    with pytest.raises(ValueError, match="has no token"):
        task.encode(task.examples(1)[0] + "§")


def test_a_row_is_held_out_by_its_content_alone() -> None:
    rows = torch.randint(50, (4000, 5), generator=seeded())
    share = is_held_out(rows).float().mean().item()
    assert 0.08 < share < 0.12
    assert torch.equal(is_held_out(rows).flip(0), is_held_out(rows.flip(0)))


def test_induction_rule() -> None:
    task = get_task("induction")
    inputs, targets = task.batch(300, seeded())
    source = task.source_positions(inputs)
    b, t = (targets != IGNORE).nonzero(as_tuple=True)
    assert (source[b, t] > 0).all()
    assert torch.equal(inputs[b, source[b, t]], targets[b, t])  # the letter after the previous occurrence
    # Counting places must not help: the distance to the source is spread out.
    distance = (t - source[b, t]).bincount()
    assert distance.max() / distance.sum() < 0.25


def test_reference_rule() -> None:
    task = get_task("reference")
    for sentence in whole(task) + whole(task, split="held_out"):
        first, verb, second = re.search(r"the (\w+) could not (\w+) the (\w+)", sentence).groups()
        adjective = re.search(r"because it was (\w+)", sentence)[1]
        answer = sentence.rsplit(" ", 1)[1]
        assert answer == (first if adjective in ABOUT_THE_FIRST else second) and first != second
    assert not any(verb in text for text in whole(task) for verb in NEW_VERBS)
    inputs, targets = task.batch(200, seeded())
    query, right, wrong = task.noun_positions(inputs)
    rows = torch.arange(200)
    assert torch.equal(inputs[rows, right], targets[rows, query])
    assert not (inputs[rows, wrong] == targets[rows, query]).any()


def test_held_out_noun_pairs_are_held_out_in_both_orders() -> None:
    task = get_task("reference")

    def pairs(split: str) -> set[frozenset[str]]:
        nouns = re.compile(r"the (\w+) could not \w+ the (\w+)")
        return {frozenset(nouns.search(sentence).groups()) for sentence in whole(task, 2000, split)}

    assert not pairs("train") & pairs("held_out") and len(pairs("train") | pairs("held_out")) == 16 * 15 / 2


def test_reverse_and_sort_rules() -> None:
    for line in whole(get_task("reverse")):
        letters, answer = line.split(">")
        assert answer == letters[::-1]
    for line in whole(get_task("sort")):
        letters, answer = line.split(">")
        assert answer == "".join(sorted(letters))


def test_brackets_rule() -> None:
    task = get_task("brackets")
    depths = set()
    for line in whole(task, 500):
        opened, answer = line.split(">")
        while any(pair in opened for pair in PAIRS):
            for pair in PAIRS:
                opened = opened.replace(pair, "")
        assert answer == opened[::-1].translate(str.maketrans("([{", ")]}"))
        depths.add(len(answer))
    assert depths >= {0, 1, 2, 3, 4, 5}
    inputs, targets = task.batch(100, seeded())
    opener = task.opener_positions(inputs)
    b, t = ((targets != IGNORE) & (targets != task.end)).nonzero(as_tuple=True)
    assert torch.equal(inputs[b, opener[b, t]] + len(PAIRS), targets[b, t])
    ended = targets == task.end
    assert (ended.sum(dim=1) == 1).all() and (opener[ended] == -1).all()


def test_modular_addition_rule() -> None:
    task = get_task("modular")
    for line in whole(task):
        a, b, c = map(int, re.split(r"[+=]", line))
        assert c == (a + b) % 31
    pairs = {split: {tuple(p) for p in rows.tolist()} for split, rows in task.pairs.items()}
    assert len(pairs["train"]) == task.n_train and len(pairs["train"] | pairs["held_out"]) == 31**2
    assert not any((b, a) in pairs["train"] for a, b in pairs["held_out"])
    inputs, _ = task.batch(task.n_train, seeded())
    assert len({tuple(row) for row in inputs.tolist()}) == task.n_train  # a batch has no case twice
    with pytest.raises(ValueError, match=rf"a batch of {task.n_train + 1} is larger than the data: .* {task.n_train} "):
        task.batch(task.n_train + 1, seeded())


@given(st.integers(0, 9999))
@settings(max_examples=60, deadline=None)
def test_number_words_by_their_values(number: int) -> None:
    words, values = number_words(number), {"thousand": 1000, "hundred": 100}
    ones = {w: i for i, w in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split())}  # fmt: skip
    tens = {w: 10 * i for i, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
    total = current = 0
    for word in words:
        if word in values:
            total, current = total + current * values[word], 0
        else:
            current += ones.get(word, tens.get(word))
    assert total + current == number and len(words) <= 7


def test_numbers_too_large_are_refused() -> None:
    with pytest.raises(ValueError, match="knows 0 to 9999, got 10000"):
        number_words(10_000)


def test_sentiment_rule() -> None:
    for line in whole(get_task("sentiment")):
        judgement, verdict = line.split(" => ")
        score = 0
        for clause in re.split(r" (?:and|but) ", judgement):
            adjective = clause.split()[-1]
            assert adjective in GOOD + BAD
            score += (1 if adjective in GOOD else -1) * (-1 if " not " in clause else 1)
        assert verdict == ("positive" if score > 0 else "negative")


def test_standard_library() -> None:
    task = get_task("stdlib")
    inputs, targets = task.batch(4, seeded())
    assert torch.equal(inputs[:, 1:], targets[:, :-1]) and (targets != IGNORE).all()
    assert len(task.encoding.decode(inputs[0].tolist())) > 100
    uniform = torch.zeros(4, task.length, task.encoding.n_vocab)
    scores = task.score(uniform, targets)
    n_bytes = len(task.encoding.decode_bytes([t for t in targets.flatten().tolist() if t != task.end]))
    torch.testing.assert_close(scores["bits_per_byte"], targets.numel() * 10 / n_bytes, rtol=1e-5, atol=0)  # 2¹⁰ tokens
    ended = targets.clone()
    ended[0, 0] = task.end  # a token that no byte of the text stands for
    n_bytes = len(task.encoding.decode_bytes([t for t in ended.flatten().tolist() if t != task.end]))
    bits = task.score(uniform, ended)["bits_per_byte"]
    torch.testing.assert_close(bits, ended.numel() * 10 / n_bytes, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["sort", "brackets", "reference"])
def test_a_perfect_model_scores_one_and_a_guess_does_not(name: str) -> None:
    task = get_task(name)
    _, targets = task.batch(64, seeded(), "held_out")
    logits = torch.nn.functional.one_hot(targets.clamp(min=0), task.encoding.n_vocab).float() * 20
    scores = task.score(logits, targets)
    assert scores["accuracy"] == scores["token_accuracy"] == 1.0 and scores["loss"] < 1e-3
    wrong = logits.roll(1, dims=-1)
    assert task.score(wrong, targets)["accuracy"] == 0.0
    one_wrong = logits.clone()  # a single scored token of the first sequence
    t = int((targets[0] != IGNORE).nonzero()[0])
    one_wrong[0, t] = 0
    one_wrong[0, t, (targets[0, t] + 1) % task.encoding.n_vocab] = 20
    assert task.score(one_wrong, targets)["accuracy"] == 63 / 64


def test_generated_accuracy_is_teacher_forced_accuracy_for_causal_models() -> None:
    from gpt2lab import GPT2Config
    from gpt2lab.ablations import build
    from gpt2lab.training import TrainConfig, train

    task = get_task("sort")
    config = GPT2Config.tiny(vocab_size=18, context_length=16, d_model=32, n_layers=1)
    run = TrainConfig(steps=150, batch_size=32, learning_rate=1e-2, warmup_steps=10, eval_every=500, progress=False)
    causal, cheat = build("gpt2", config), build("no-mask", config)
    for model in (causal, cheat):
        train(model, task, run)
    assert task.evaluate(causal, 128)["accuracy"] == task.evaluate_generated(causal, 128)["accuracy"]
    # Without a mask the answer is in the input: the evaluation is fooled, generation is not.
    assert task.evaluate(cheat, 128)["token_accuracy"] > 0.95
    assert task.evaluate_generated(cheat, 128)["token_accuracy"] < 0.8


def test_evaluation_is_without_dropout_and_keeps_the_mode() -> None:
    from gpt2lab import GPT2Config
    from gpt2lab.ablations import build

    task = get_task("sort")
    shape = dict(vocab_size=task.encoding.n_vocab, context_length=task.length, n_layers=1, d_model=16, n_heads=2)
    model = build("gpt2", GPT2Config.tiny(**shape, dropout=0.5)).train()
    without = build("gpt2", GPT2Config.tiny(**shape)).eval()
    assert task.evaluate(model, 32) == task.evaluate(without, 32)
    assert all(module.training for module in model.modules())


def test_bad_calls() -> None:
    with pytest.raises(ValueError, match="unknown task 'sorting'. Did you mean 'sort'\\? Known tasks: induction, ref"):
        get_task("sorting")
    task = get_task("sort")
    with pytest.raises(ValueError, match="split must be one of train, held_out, got 'test'"):
        task.batch(4, seeded(), "test")
    for n in (0, 2.0, True):
        with pytest.raises(ValueError, match="the number of sequences in a batch must be a whole number of at least 1"):
            task.batch(n, seeded())
