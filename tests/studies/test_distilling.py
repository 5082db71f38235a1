"""The study of distillation: the table belongs to the stored students, and what is learned is what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from gpt2lab.studies import distilling
from gpt2lab.studies.distilling import (
    KEPT,
    RATES,
    SEEDS,
    TUNING_SEED,
    WAYS,
    Way,
    distilling_table,
    learn,
    load_student,
    new_student,
    target_loss,
)
from gpt2lab.studies.novels import english_task, held_out_windows, nats, paragraph_loss
from gpt2lab.tasks.text import TextTask
from gpt2lab.zoo import held_out, load_toy, trained_on


@pytest.fixture(scope="module")
def teacher():
    return load_toy("english").model


def test_the_stored_students_and_the_teacher_lose_what_the_table_says(teacher):
    table = distilling_table()
    assert abs(paragraph_loss(teacher) - table["teacher"]["paragraphs"]) < 0.002
    for way in KEPT:
        assert abs(paragraph_loss(load_student(way)) - table["students"][way][0]["paragraphs"]) < 0.002


def test_every_way_was_tuned_and_has_every_seed(teacher):
    table = distilling_table()
    assert TUNING_SEED not in SEEDS and list(table["students"]) == list(WAYS) == list(table["rates"])
    assert table["parameters"] == {"teacher": teacher.n_parameters(), "student": new_student(0).n_parameters()}
    assert 0.24 < table["parameters"]["student"] / table["parameters"]["teacher"] < 0.26
    for way, tried in table["tried"].items():
        losses = {float(rate): loss for rate, loss in tried.items()}
        assert len(losses) >= 3 and set(losses) <= set(RATES)
        assert table["rates"][way] == min(losses, key=lambda rate: losses[rate])
        assert min(losses) < table["rates"][way] < max(losses)
        assert len(table["students"][way]) == len(SEEDS)


def test_what_the_chapter_says_holds_with_every_seed():
    table = distilling_table()
    novels = {way: [student["novels"] for student in students] for way, students in table["students"].items()}
    assert all(max(losses) - min(losses) < 0.04 for losses in novels.values())
    assert 0.3 < min(novels["labels"]) - max(novels["teacher"])
    assert 0.05 < min(novels["labels, twice the steps"]) - max(novels["teacher"])
    assert max(novels["labels"]) < min(novels["softened labels"])
    assert max(novels["teacher"]) < min(novels["teacher, temperature 2"]) < max(novels["labels"])
    assert min(novels["teacher"]) - table["teacher"]["novels"] > 0.9
    step, passed = table["milliseconds"].values()
    assert 0.9 < passed / step < 1.2  # a step with the teacher costs about two without


def test_the_losses_are_those_of_their_names():
    draw = torch.Generator().manual_seed(0)
    logits, said = (torch.randn(2, 3, 5, generator=draw) for _ in range(2))
    targets = torch.randint(5, (2, 3), generator=draw)
    assert_close(target_loss(Way(), logits, targets, said), F.cross_entropy(logits.view(6, 5), targets.view(6)))
    p, q = said.softmax(-1), logits.softmax(-1)
    by_hand = (p * (p.log() - q.log())).sum(-1).mean()
    assert_close(target_loss(Way(temperature=1.0), logits, targets, said), by_hand)
    hot = target_loss(Way(temperature=2.0), logits, targets, said)
    assert_close(hot, 4 * target_loss(Way(temperature=1.0), logits / 2, targets, said / 2))
    assert_close(target_loss(Way(temperature=2.0), said, targets, said), torch.tensor(0.0), atol=1e-6, rtol=0)
    spread = 0.9 * F.one_hot(targets, 5) + 0.1 / 5
    softened = -(spread * q.log()).sum(-1).mean()
    assert_close(target_loss(Way(smoothing=0.1), logits, targets, None), softened)


def test_a_student_learns_alone_what_it_learns_beside_others(teacher, monkeypatch):
    """All ways of a seed get the same batches and weights, so a pair of them differs in its way alone."""
    text = "\n".join((*trained_on.AUSTEN, *held_out.AUSTEN))
    task = TextTask(text, load_toy("english").encoding, 128)
    short = {"labels": Way(steps=2), "teacher": Way(steps=1, temperature=1.0)}
    monkeypatch.setattr(distilling, "WAYS", short)
    monkeypatch.setattr(distilling, "BATCH", 1)
    both = learn(task, teacher, [("labels", 0.01), ("teacher", 0.01)], seed=3)
    for way, student in zip(short, both, strict=True):
        alone = learn(task, teacher, [(way, 0.01)], seed=3)[0]
        assert all(torch.equal(a, b) for a, b in zip(student.parameters(), alone.parameters(), strict=True))
    first, second = (next(student.parameters()) for student in both)
    assert not torch.equal(first, second)


def test_windows_stay_within_one_novel_and_the_halves_share_none():
    task = TextTask.without_text(load_toy("english").encoding, 3)
    novels = [[i + 1] * (10 + 3 * i) + [task.end] for i in range(6)]
    task._tokens["held_out"] = torch.tensor(sum(novels, []))
    halves = [{int(row[0]) for row in half} for half in held_out_windows(task)]
    assert halves == [{1, 3, 5}, {2, 4, 6}]
    for half in held_out_windows(task):
        assert half.shape[1] == 4 and all(len(set(row.tolist()) - {task.end}) == 1 for row in half)


def test_a_loss_that_exploded_is_a_number():
    student = new_student(0)
    with torch.no_grad():
        student.token_embedding.weight.fill_(torch.nan)
    assert nats(student, torch.zeros(1, 5, dtype=torch.long)) == 99


def test_another_text_and_another_way_are_refused(tmp_path: Path):
    other = tmp_path / "other.txt"
    other.write_text("It was the best of times.\n")
    with pytest.raises(
        ValueError, match=r"other.txt is not the text that the English model learned, which is Jane Aus"
    ):
        english_task(other)
    with pytest.raises(ValueError, match="for 'labels', 'teacher', got 'softened labels'"):
        load_student("softened labels")
