"""The engine of the live page against Python: the same tokens, the same numbers, the same sentences.

All cases of a test go through one process of Node; ``tests/helpers/run_engine.mjs`` says in which form.
"""

import json
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from explorers import HOSTILE, explorer

from gpt2lab.explorer import Explorer, changes, live
from gpt2lab.explorer.answers import answer
from gpt2lab.explorer.runs import Run
from gpt2lab.studies.lab.trained import load_trained, trained_names
from gpt2lab.studies.patch_effects import margin
from gpt2lab.studies.patching import patched
from gpt2lab.zoo import PairToy, load_toy, toy_names

RUNNER = Path(__file__).parents[1] / "helpers" / "run_engine.mjs"
CLOSE = 1e-4  # float32 sums in Python, float64 sums in JavaScript
BYTE = 1  # a weight in the middle between two codes may get either
TEXTS = 200
LATER = ("model", "off", "layers", "fills")  # of a scene
TOYS = ("reference", "reverse-no-positions")
TRAINED = ("parts/relu", "parts/no-mask", "parts/no-scaling", "parts/sinusoidal", "heads/16")
FRAGMENTS = [
    *"aZ0.,'\"<>&\\ ", "\n", "\r\n", "\t", "\x00", "\x1c", "\x85", "\xa0", "\u2003", "\u3000", "\ufeff", "\u200b",
    "\ufe0f", "❤\ufe0f", "👩\u200d🚀", "\u202e", "\u2066", "\ud800", "\udfff", "é", "e\u0301", "ß", "漢字", "عربى",
    "٣", "²", "</script>", "<!--", "'ll", "'S", "it's", "<|endoftext|>", "  ", "   x", "robot", " robot", " because",
    "\U0010ffff",
]  # fmt: skip


@pytest.fixture
def engine(node, tmp_path):
    """Run cases in the page's engine: ({name: explorer}, cases) -> a result per case."""

    def run(explorers, cases):
        models = {name: live.model_data(e.screen) for name, e in explorers.items()}
        (tmp_path / "cases").write_text(json.dumps({"models": models, "cases": cases}), encoding="utf-8")
        command = [node, str(RUNNER), str(tmp_path / "cases"), str(tmp_path / "answers")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads((tmp_path / "answers").read_text(encoding="utf-8"))

    return run


def shown(name):
    """An explorer of a model that the course ships."""
    toy = load_trained(name) if "/" in name else load_toy(name)
    return Explorer(toy.model, toy.encoding, toy.task.examples(1)[0], title=f"{name}: a toy")


@pytest.fixture(scope="module")
def shown_models():
    return {"random": explorer(), **{name: shown(name) for name in (*TOYS, *TRAINED)}}


def off(e, rng):
    """Some parts of a model, none in a third of the cases."""
    shape = e._scene["shape"]
    words = ["mask", "positions", *(f"{part} {layer}" for layer in range(len(shape)) for part in ("attention", "ffn"))]
    words += [f"head {layer}.{head}" for layer, heads in enumerate(shape) for head in range(heads)]
    return rng.sample(words, rng.choice([0, 1, 1, 2, 3, 4])) if rng.random() < 0.7 else []


def asked(e, rng):
    """Every kind of question, about a place of the picture."""
    shape, runs = e._scene["shape"], len(e.runs)

    def place():
        layer = rng.randrange(len(shape))
        return rng.randrange(runs), layer, rng.randrange(shape[layer]), rng.randrange(e.runs[0].T)

    knobs = f"{rng.choice([0, 500, 1000, 1700])}/{rng.choice([0, 0, 1, 5])}/{rng.choice([1000, 1000, 900, 300])}"
    (r1, l1, h1, _), (r2, l2, h2, t2), (r3, l3, h3, t3) = place(), place(), place()
    (r4, _, _, t4), (r5, l5, _, t5), (r6, _, _, t6), (_, _, _, t7) = place(), place(), place(), place()
    questions = [f"map/{r1}/{l1}/{h1}", f"row/{r2}/{l2}/{h2}/{t2}", f"scores/{r3}/{l3}/{h3}/{t3}", f"stream/{r4}/{t4}"]
    questions += [f"neurons/{r5}/{l5}/{t5}", f"lens/{r6}/{t6}", f"next/{t7}/{knobs}", f"next/{t7}/1000/0/1000"]
    questions.append(f"attribution/{r4}/{t4}/{rng.randrange(len(e.runs[0].logits(0)))}")
    questions.append(f"taken/{r1}/{l1}")
    return [*questions, f"draw/{t7}/{knobs}/{rng.randrange(10**6)}"]


def numbers(value, like):
    """A buffer from the engine as an array, beside Python's bytes."""
    coded = isinstance(value, dict)
    data = np.frombuffer(like, np.uint8 if coded else np.float32).astype(float)
    return np.array(value["bytes"] if coded else value, float), data, BYTE if coded else CLOSE


def names_in(meta):
    """What an answer names: tokens and ranks. Where two logits differ in the last digit, two may change places."""
    kept = {"label", "labels", "words", "ranks", "answer", "final", "neurons", "id", "active", "kept"}
    return {name: value for name, value in meta.items() if name in kept}


def differing(screen, question, found):
    """Compare an answer with Python's; returns how many names differ."""
    meta, data = answer(screen, question)
    assert "error" not in found, (question, found)
    if question.startswith("neurons"):  # of the neurons that a ReLU set to zero, any may be shown
        alive = np.frombuffer(data[1], np.float32) != 0
        for answered in (meta, found["meta"]):
            for name in ("neurons", "words"):
                answered[name] = [value for value, lives in zip(answered[name], alive, strict=True) if lives]
    for place, (value, like) in enumerate(zip(found["buffers"], data, strict=True)):
        ours, theirs, close = numbers(value, like)
        if question.startswith("neurons") and place < 2:
            ours, theirs = ours[alive], theirs[alive]
        np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=close, err_msg=question)
    if question.startswith("next"):
        rows, theirs = ({row["id"]: row for row in one["rows"]} for one in (found["meta"], meta))
        for one in rows.keys() & theirs.keys():
            assert rows[one]["label"] == theirs[one]["label"]
            for name in ("logit", "p", "sampled"):
                np.testing.assert_allclose(rows[one][name], theirs[one][name], rtol=CLOSE, atol=CLOSE, err_msg=question)
        np.testing.assert_allclose(found["meta"]["entropy"], meta["entropy"], rtol=CLOSE, atol=CLOSE)
        return len(rows.keys() ^ theirs.keys()) + (found["meta"]["kept"] != meta["kept"])
    rest = meta.keys() - names_in(meta).keys()
    assert rest == found["meta"].keys() - names_in(found["meta"]).keys()
    for name in rest:
        like = pytest.approx(meta[name], rel=CLOSE, abs=CLOSE) if isinstance(meta[name], float) else meta[name]
        assert found["meta"][name] == like, (question, name)
    return names_in(found["meta"]) != names_in(meta)


def compare_scenes(ours, theirs):
    """What comes with every run; returns how many roles differ."""
    names = (
        "text",
        "labels",
        "labels_b",
        "ids",
        "context",
        "note",
        "hint",
        "names",
        "shape",
        "grid",
        "d_model",
        *LATER,
    )
    for name in names:
        assert ours[name] == theirs[name], name
    assert ours["can"] == {**theirs["can"], "files": False}
    differ = 0
    for run, like in zip(ours["runs"], theirs["runs"], strict=True):
        assert {name: run[name] for name in ("shape", "triangular", "size")} == {
            name: like[name] for name in ("shape", "triangular", "size")
        }
        bytes_, theirs_, close = numbers(run["thumbnails"], like["thumbnails"])
        np.testing.assert_allclose(bytes_, theirs_, rtol=0, atol=close)
        for role, other in zip(sum(run["roles"], []), sum(like["roles"], []), strict=True):
            differ += role["role"] != other["role"]
            if role["role"] == other["role"]:
                assert role["score"] == pytest.approx(other["score"], abs=2e-4)
                assert role["chance"] == pytest.approx(other["chance"], abs=2e-4)
    return differ


def text_for(e, rng):
    """A few tokens of the model's own, sometimes with an unknown word or a second sentence."""
    ids = [rng.randrange(e.encoding.n_vocab - 1) for _ in range(rng.choice([1, 2, 5, 12, 20]))]
    return e.encoding.decode(ids * rng.choice([1, 1, 2])) + rng.choice(["", "", " qx7"])


def test_every_question_has_the_same_answer_with_and_without_parts(engine, shown_models):
    rng = random.Random(0)
    cases, screens = [], []
    for i in range(TEXTS):
        name = list(shown_models)[i % len(shown_models)]
        e = shown_models[name]
        e.ablated = []
        e.text = text_for(e, rng)
        e.ablated = off(e, rng)
        cases.append({"model": name, "text": e.text, "ablated": list(e.ablated), "questions": asked(e, rng)})
        screens.append((e._scene, e.screen))
    named = 0
    for case, result, (scene, screen) in zip(cases, engine(shown_models, cases), screens, strict=True):
        named += compare_scenes(result["scene"], scene)
        named += sum(differing(screen, question, result["answers"][question]) for question in case["questions"])
    assert named <= 5, f"{named} names of tokens, ranks and roles differ"


def hostile_texts():
    rng = random.Random(1)
    lengths = [1, 3, 8, 30]
    made = ["".join(rng.choices(FRAGMENTS, k=rng.choice(lengths))) for _ in range(TEXTS - len(HOSTILE) - 4)]
    return [*HOSTILE, "", " " * 10_000, "🦜" * 10_000, "robot " * 2_000, *made]


TYPED = [
    "ids: 3 1 4",
    "  ids:3,1, 4",
    "ids: 3\n1 \x1c4",
    "ids: 5 x",
    "ids: 99999999",
    "ids: none",
    "ids:",
    "kids: 5",
    "ids: 5 -1",
]


def test_ids_are_typed_as_in_python(engine):
    e = explorer("a b")
    cases = [{"model": "random", "text": text, "questions": []} for text in TYPED]
    for text, result in zip(TYPED, engine({"random": e}, cases), strict=True):
        e.text = "a b"
        e.text = text
        assert result["message"] == e.message, text
        if not e.message:
            assert result["scene"]["ids"] == e.tokens[0].tolist(), text


def test_what_ships_runs_in_a_page_or_is_refused_by_name(engine):
    """Every toy of one sequence and every model of the lab."""
    ran, refused = {}, {}
    for name in (*toy_names(), *trained_names()):
        toy = load_trained(name) if "/" in name else load_toy(name)
        if isinstance(toy, PairToy):
            continue  # the explorer itself refuses it, by name
        text = toy.provenance["sentence"]["text"] if "sentence" in toy.provenance else toy.task.examples(1)[0]
        e = Explorer(toy.model, toy.encoding, text, title=f"{name}: a toy")
        if live.can_run(e.screen):
            ran[name] = e
            continue
        with pytest.raises(ValueError, match=f"A page cannot run {name} by itself: .*recorded=True"):
            live.model_data(e.screen)
        refused[name] = e
    assert {"reference", "english", "stdlib", "sort-no-positions", "parts/no-mask", "heads/16"} <= set(ran)
    assert {"modular-no-ffn", "gifts-masked", "parts/rope", "parts/untied", "depth/without-4"} <= set(refused)
    cases = [
        {"model": name, "text": e.text, "questions": ["next/0/1000/0/1000", "lens/0/0"]} for name, e in ran.items()
    ]
    for (name, e), result in zip(ran.items(), engine(ran, cases), strict=True):
        differ = compare_scenes(result["scene"], e._scene)
        assert differ + sum(differing(e.screen, *one) for one in result["answers"].items()) <= 1, name


def test_hostile_texts_have_the_same_tokens_and_sentences(engine, shown_models):
    explorers = {name: shown_models[name] for name in ("random", "reference")}
    cases, scenes = [], []
    for i, text in enumerate(hostile_texts()):
        name = "reference" if i % 4 == 3 else "random"
        e = explorers[name]
        e.ablated, e.text = [], text
        hint = e._scene["hint"]
        cases.append({"model": name, "text": text, "questions": []})
        scenes.append({"hint": hint} if hint else e._scene)
        assert e.message == ""
    for case, result, scene in zip(cases, engine(explorers, cases), scenes, strict=True):
        said = {name: result["scene"].get(name, "") for name in ("hint", "note")}
        assert result["message"] == "", case
        assert said == {"hint": scene["hint"], "note": scene.get("note", "")}, case
        if not scene["hint"]:
            assert [result["scene"][name] for name in ("ids", "labels", "text")] == [
                scene[name] for name in ("ids", "labels", "text")
            ], case


def test_two_sentences_have_the_same_answers(engine, shown_models):
    """Of one length, of two, with parts off, with a sentence that has no token or the wrong ids."""
    rng = random.Random(3)
    cases, screens = [], []
    for i in range(24):
        name = list(shown_models)[i % 3]
        e = shown_models[name]
        e.ablated, e.text_b = [], ""
        e.text = text_for(e, rng)
        ids = [rng.choice([token, token, 3]) for token in e.tokens[0].tolist()][: rng.choice([1, 5, 64])]
        e.text_b = rng.choice([f"ids: {' '.join(map(str, ids))}", text_for(e, rng)])
        e.ablated = off(e, rng)
        questions = asked(e, rng)
        cases.append(
            {"model": name, "text": e.text, "text_b": e.text_b, "ablated": list(e.ablated), "questions": questions}
        )
        screens.append((e._scene, e.screen))
        e.text_b = ""
    named = 0
    for case, result, (scene, screen) in zip(cases, engine(shown_models, cases), screens, strict=True):
        named += compare_scenes(result["scene"], scene)
        named += sum(differing(screen, question, result["answers"][question]) for question in case["questions"])
    assert named <= 2, f"{named} names of tokens, ranks and roles differ"
    assert {len(screen.runs) for _, screen in screens} == {2} and any(scene["note"] for scene, _ in screens)


def test_a_second_sentence_is_read_as_in_python(engine):
    e = explorer("a b c")
    texts = [*HOSTILE, *TYPED, "   ", "a b d", "a x c"]
    cases = [{"model": "random", "text": "a b c", "text_b": text, "questions": []} for text in texts]
    for text, result in zip(texts, engine({"random": e}, cases), strict=True):
        e.text_b = ""
        e.text_b = text
        assert result["message"] == e.message, text
        if not e.message:
            said = {name: result["scene"][name] for name in ("labels", "labels_b", "names", "note", "text")}
            assert said == {name: e._scene[name] for name in said} | {"names": list(e._scene["names"])}, text


def patch_words(e, rng, n):
    """Words about places of the model and of the text on screen."""
    shape, T = e._scene["shape"], e.runs[0].T
    words = []
    for _ in range(n):
        layer = rng.randrange(len(shape))
        head, where, key = rng.randrange(shape[layer]), rng.choice(["all", *range(T)]), rng.randrange(T)
        place = rng.choice(
            [f"edge {layer}.{head} {rng.randrange(T)}>{key}", f"head {layer}.{head} {where}"]
            + [f"ffn {layer} {where}", f"stream {layer} {where}"]
        )
        words.append(f"{place} {rng.choice(['zero', 'mean', 'other'])}")
    return words


def test_patches_have_the_same_answers(engine, shown_models):
    """Edges, heads, networks and the stream, from three sources, with parts off, and each alone as an effect."""
    rng = random.Random(4)
    cases, screens, effects = [], [], []
    for i in range(60):
        name = list(shown_models)[i % len(shown_models)]
        e = shown_models[name]
        e.ablated, e.text_b = [], ""
        e.text = text_for(e, rng)
        ids = e.tokens[0].tolist()
        other = [rng.choice([token, 3]) for token in ids]
        words, off_ = patch_words(e, rng, rng.choice([1, 2, 4])), off(e, rng)
        model, tokens, theirs = e._pair.first, e.tokens, torch.tensor([other])
        with changes.applied(model, off_):
            base = Run(model, tokens)
            with patched(model, words, tokens, theirs):
                run = Run(model, tokens)
            screen = replace(e.screen, runs=(e.runs[0], run))
            t, token, against = rng.randrange(len(ids)), rng.randrange(9), rng.randrange(9)
            layer, source = rng.randrange(run.n_layers), rng.randrange(3)
            alone = []
            for q in range(len(ids)):
                with patched(model, [f"stream {layer} {q} {('zero', 'mean', 'other')[source]}"], tokens, theirs):
                    alone.append(float(margin(Run(model, tokens).logits(t), token, against)))
        before = float(margin(base.logits(t), token, against))
        effects.append((f"streameffects/{source}/{t}/{token}/{against}/{layer}", before, alone))
        questions = [
            f"{word}/1/{q}" for word in ("stream", "lens") for q in range(len(ids))
        ] + [f"map/1/{layer}/0", f"next/{t}/1000/0/1000", effects[-1][0]]  # fmt: skip
        given = {"text": e.text, "text_b": f"ids: {' '.join(map(str, other))}", "ablated": off_, "patched": words}
        cases.append({"model": name, **given, "questions": questions})
        screens.append(screen)
    named = 0
    found = engine(shown_models, cases)
    for case, result, screen, (question, before, alone) in zip(cases, found, screens, effects, strict=True):
        assert result["message"] == "" and result["scene"]["labels_b"] is None, case
        named += sum(differing(screen, one, result["answers"][one]) for one in case["questions"][:-1])
        meta, ((values,)) = result["answers"][question]["meta"], result["answers"][question]["buffers"]
        assert meta["before"] == pytest.approx(before, abs=CLOSE, rel=CLOSE)
        np.testing.assert_allclose(values, np.array(alone) - before, atol=2 * CLOSE, rtol=CLOSE, err_msg=str(case))
    assert named <= 4, f"{named} names of tokens and ranks differ"


def effect_questions(e, rng):
    """What matters here: of the parts of a layer at all positions and at one, of the stream, and of a query's edges."""
    shape, T, words = e._scene["shape"], e.runs[0].T, len(e.runs[0].logits(0))
    questions = []
    for source in range(3 if e.screen.donor is not None else 2):  # zero, mean, the other sentence
        layer, position, query = rng.randrange(len(shape)), rng.choice([T - 1, rng.randrange(T)]), rng.randrange(T)
        token, against = rng.randrange(words), rng.randrange(words)
        asked = f"{source}/{position}/{token}/{rng.choice([token, against])}"
        questions += [f"parteffects/{asked}/0/{layer}", f"parteffects/{asked}/{1 + rng.randrange(T)}/{layer}"]
        questions.append(f"streameffects/{asked}/{layer}")
        questions.append(f"edgeeffects/{asked}/{layer}/{rng.randrange(shape[layer])}/{query}")
    return questions


def test_what_matters_here_has_the_same_answers(engine, shown_models):
    """Every question about effects, from every source, with parts off, whatever is patched on screen."""
    rng = random.Random(5)
    cases, screens, largest = [], [], {}
    for i in range(40):
        name = list(shown_models)[i % len(shown_models)]
        e = shown_models[name]
        e.patched, e.ablated, e.text_b = [], [], ""
        e.text = text_for(e, rng)
        ids = [rng.choice([token, 3]) for token in e.tokens[0].tolist()]
        theirs = rng.choice([ids, ids, ids[:-1] or [*ids, 3], []])  # of as many tokens, of fewer, none
        e.text_b = f"ids: {' '.join(map(str, theirs))}" if theirs else ""
        e.ablated = off(e, rng)
        words = patch_words(e, rng, rng.choice([0, 1]))
        e.patched = words if e.screen.donor is not None else []
        assert e.message == ""
        given = {"text": e.text, "text_b": e.text_b, "ablated": list(e.ablated), "patched": list(e.patched)}
        cases.append({"model": name, **given, "questions": effect_questions(e, rng)})
        screens.append(e.screen)
        e.patched, e.text_b = [], ""
    for case, result, screen in zip(cases, engine(shown_models, cases), screens, strict=True):
        for question in case["questions"]:
            assert differing(screen, question, result["answers"][question]) == 0, (case, question)
            kind = tuple(question.split("/")[:2])
            largest[kind] = max(largest.get(kind, 0), *map(abs, result["answers"][question]["buffers"][0]))
    assert len(largest) == 9 and min(largest.values()) > 0.1  # each kind of question from each source


WRONG = """
    parteffects/3/4/7/8/0/1 parteffects/0/5/7/8/0/1 parteffects/0/4/7777/8/0/1 parteffects/0/4/7/8888/0/1
    parteffects/0/4/7/8/6/1 parteffects/0/4/7/8/0/3 parteffects/2/4/7/8/0/1 streameffects/0/4/7/8/3
    edgeeffects/0/4/7/8/0/4/1 edgeeffects/0/4/7/8/0/1/5
""".split()


@pytest.mark.parametrize("text_b", ["", "a b"])
def test_a_question_about_what_is_not_there_has_the_same_sentence(engine, text_b):
    e = explorer("a b c d e", text_b=text_b)
    case = {"model": "random", "text": e.text, "text_b": text_b, "questions": WRONG}
    (found,) = engine({"random": explorer()}, [case])
    for question in WRONG:
        with pytest.raises(ValueError) as error:
            e.answer(question)
        assert found["answers"][question]["error"] == str(error.value), question


TYPED_ON = ["a b c d", "a b c d e f", "a b c", "a b c", "a x c y", "qq a x", "a", "a b c d"]


def test_what_was_typed_before_changes_no_number(engine):
    """A run takes over what the text has in common with the text before."""
    e = explorer("a b")
    cases = []
    for off_ in ([], ["head 0.1"], ["mask"], ["positions", "ffn 2", "attention 1"]):
        for i, text in enumerate(TYPED_ON):
            T = len(e.encoding.encode_ordinary(text))
            questions = [f"{name}/0/{t}" for name in ("lens", "stream") for t in range(T)] + ["map/0/2/1", "taken/0/1"]
            case = {"model": "random", "text": text, "ablated": off_}
            asked_ = [f"{word}/{len(off_) and 1}/{rest}" for word, rest in (q.split("/0/", 1) for q in questions)]
            cases += [{**case, "questions": asked_, "earlier": TYPED_ON[:i]}, {**case, "questions": asked_}]
    found = engine({"random": e}, cases)
    for after, alone in zip(found[::2], found[1::2], strict=True):
        assert after["answers"] == alone["answers"]
        assert after["scene"]["runs"] == alone["scene"]["runs"]


def test_ids_are_shown_as_they_are_and_stand_for_a_text(engine):
    e = explorer()
    ids = [*e.encoding.encode_ordinary("a b"), e.encoding.eot_token, 200, 201, e.encoding.n_vocab - 1]
    e.tokens = ids
    (found,) = engine({"random": e}, [{"model": "random", "_tokens": ids, "questions": ["next/0/0/0/1"]}])
    assert found["scene"]["ids"] == ids and found["scene"]["labels"] == e.screen.labels
    assert found["text"] == e.text and found["tokens"] == ids


def test_what_the_engine_does_not_compute_is_one_sentence(engine):
    e = explorer()
    wrong = ["nonsense/0", "csv", "map/0/0", "map/2/0/0", "map/0/9/0", "row/0/0/0/99", "next/0/1000/0", "map/0/0/x"]
    (found,) = engine({"random": e}, [{"model": "random", "text": "a b", "questions": wrong}])
    said = {question: answer_["error"] for question, answer_ in found["answers"].items()}
    assert "does not compute that" in said["nonsense/0"] and "does not compute that" in said["csv"]
    assert all("unknown question" in said[question] for question in wrong[2:])
