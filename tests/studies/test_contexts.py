"""The four changes are what their names say, and the model tells them apart as the chapter says."""

import torch

from gpt2lab.studies.contexts import BASE, CHANGES, SENTENCES, cosines, many, sentences
from gpt2lab.tasks.reference import ABOUT_THE_FIRST, ABOUT_THE_SECOND, NEW_VERBS
from gpt2lab.zoo import load_toy

toy = load_toy("reference")


def words(text: str) -> tuple[str, str, str, str]:
    said = text.replace(".", "").split()
    return said[1], said[4], said[6], said[10]  # first noun, verb, second noun, adjective


def answer(text: str) -> str:
    first, _, second, adjective = words(text)
    return second if adjective in ABOUT_THE_SECOND else first


def test_each_change_is_what_its_name_says():
    for i in range(SENTENCES):
        texts = sentences(i)
        assert len(set(texts.values())) == 5
        base = texts[BASE]
        assert words(base)[1] in NEW_VERBS
        for change in CHANGES:
            first, verb, second, adjective = words(texts[change])
            swapped = change.startswith(("nouns", "swapped"))
            nouns = (words(base)[0], words(base)[2])
            assert (first, second) == (nouns[::-1] if swapped else nouns)
            assert (adjective in ABOUT_THE_FIRST) == ("weak" in change)
            assert verb == words(base)[1]
            assert (answer(texts[change]) == answer(base)) == change.endswith("stays")


def test_the_model_answers_every_sentence():
    for i in range(SENTENCES):
        for text in sentences(i).values():
            with torch.no_grad():
                logits = toy.model(torch.tensor([toy.encoding.encode_ordinary(text)]))[0, -1]
            assert toy.encoding.decode([int(logits.argmax())]).strip() == answer(text)


def test_block_1_tells_the_adjective_and_block_2_the_answer():
    found = cosines(toy.model)
    for change, rows in found.items():
        assert rows.shape == (SENTENCES, 3)
        torch.testing.assert_close(rows[:, 0], torch.ones(SENTENCES))
        if "weak" in change:
            assert rows[:, 1].max() < 0.5
        else:
            assert rows[:, 1].min() > 0.95
        if change.endswith("stays"):
            assert rows[:, 2].min() > 0.95
        else:
            assert rows[:, 2].max() < 0.5


def test_the_kind_of_adjective_is_still_in_the_last_vector():
    for seed in range(3):
        vectors, kind = many(toy.model, 200, seed)
        assert vectors.shape == (3, 200, 32) and set(kind.tolist()) == {-1.0, 1.0}
        assert bool((vectors[0] == vectors[0, 0]).all())  # before the first block all are the same
        for x in vectors[1:]:
            x = torch.cat([x, torch.ones(200, 1)], dim=1)
            w = torch.linalg.solve(x[:100].mT @ x[:100] + 0.001 * torch.eye(33), x[:100].mT @ kind[:100])
            assert ((x[100:] @ w) * kind[100:] > 0).float().mean() > 0.95
