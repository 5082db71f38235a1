"""From what was typed to what is on screen, without a widget."""

from explorers import model

from gpt2lab import course_encoding
from gpt2lab.explorer.pair import Pair
from gpt2lab.explorer.shown import Shown, read_and_run
from gpt2lab.explorer.text import HINT


def shown(text, ids=None, text_b="", ablated=(), patched=()):
    return read_and_run(Pair(model()), course_encoding(), text, ids, text_b, ablated, patched)


def test_nothing_typed_is_a_hint_and_no_run():
    assert shown("") == Shown(hint=HINT) and shown("", text_b="a b") == Shown(hint=HINT)


def test_a_sentence_is_one_run_and_a_part_that_is_off_a_second_one():
    assert [run.ablated for run in shown("a b").runs] == [[]]
    assert [run.ablated for run in shown("a b", ablated=["ffn 0"]).runs] == [[], ["ffn 0"]]


def test_ids_stand_in_place_of_the_texts_own():
    now = shown("a b", ids=[7, 8, 9])
    assert now.runs[0].tokens.tolist() == [[7, 8, 9]] and now.given and now.text == "a b"
    assert shown("ids: 7 8").given and not shown("a b").given


def test_two_sentences_are_cut_to_one_length_and_the_note_says_so():
    now = shown("ids: 5 6 7", text_b="ids: 8 9")
    assert [run.tokens.tolist() for run in now.runs] == [[[5, 6]], [[8, 9]]]
    assert now.sentences and now.second == (8, 9) and now.lengths == (3, 2)
    assert now.note == "The sentences have 3 and 2 tokens: the first 2 of both are compared."


def test_with_a_patch_the_second_run_is_the_patched_one():
    now = shown("ids: 5 6", text_b="ids: 8 9", patched=["ffn 0 1 other"])
    assert [run.tokens.tolist() for run in now.runs] == [[[5, 6]]] * 2 and now.runs[1].put.patches
    assert not now.sentences and now.second == (8, 9)


def test_what_does_not_fit_is_said_and_left_out():
    now = shown("ids:" + " 5" * 70)
    assert now.runs[0].T == 64 and "only the first 64 are shown" in now.note
