"""weights: checkpoints as people have them. Shards, prefixes, heads, ties, padded vocabularies, damage."""

import json
import warnings

import numpy as np
import pytest
import torch
from mutations import mutated
from peers import random_model, random_tokens, twin
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import GPT2ForSequenceClassification, GPT2Model, LlamaConfig, LlamaForCausalLM

from gpt2lab import CheckpointError, GPT2Config, generate, load_gpt2, save_gpt2

SHAPE = GPT2Config(vocab_size=61, context_length=32, n_layers=2, n_heads=2, d_model=12, d_ff=20)
TOKENS = random_tokens(SHAPE, 2, 20)
ONE, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.fixture
def model():
    return random_model(SHAPE, seed=3)


@pytest.fixture
def saved(model, tmp_path):
    return save_gpt2(model, tmp_path / "saved")


def rename(folder, change):
    """Write the saved file again with other names; a change that returns None drops the tensor."""
    tensors = {new: tensor for old, tensor in load_file(folder / ONE).items() if (new := change(old)) is not None}
    save_file(tensors, folder / ONE)
    return tensors


def same(folder, model):
    assert_close(load_gpt2(folder)(TOKENS), model(TOKENS), atol=1e-6, rtol=0)


# several files


@pytest.fixture
def sharded(model, tmp_path):
    folder = tmp_path / "sharded"
    twin(model).save_pretrained(folder, max_shard_size="3KB")
    assert (folder / INDEX).exists()
    return folder


def shards(folder):
    return sorted(folder.glob("model-*-of-*.safetensors"))


def test_shards_are_those_of_the_index(sharded, model):
    for other in (random_model(SHAPE, seed=9),):  # what an older save with another cut has left
        save_gpt2(other, sharded.parent / "old")
        half = dict(list(load_file(sharded.parent / "old" / ONE).items())[:9])
        save_file(half, sharded / "model-00001-of-00099.safetensors")
    same(sharded, model)


def test_one_file_is_taken_alone(sharded, model, tmp_path):
    """Whatever another save has left beside it, with its index."""
    other = random_model(SHAPE, seed=9)
    (save_gpt2(other, tmp_path / "other") / ONE).rename(sharded / ONE)
    same(sharded, other)
    shards(sharded)[0].unlink()
    same(sharded, other)


def test_a_missing_shard_is_named(sharded):
    gone = shards(sharded)[1]
    gone.unlink()
    with pytest.raises(CheckpointError, match=rf"names {gone.name}, which is not there"):
        load_gpt2(sharded)


def test_without_an_index_a_complete_set_is_read_and_a_gap_named(sharded, model):
    (sharded / INDEX).unlink()
    same(sharded, model)
    gone = shards(sharded)[1]
    gone.unlink()
    with pytest.raises(CheckpointError, match=rf"{gone.name} is missing"):
        load_gpt2(sharded)


def test_without_an_index_two_saves_are_not_mixed(sharded, model, tmp_path):
    (sharded / INDEX).unlink()
    save_file(load_file(save_gpt2(model, tmp_path / "one") / ONE), sharded / "model-00001-of-00001.safetensors")
    with pytest.raises(CheckpointError, match="files of several saves are there"):
        load_gpt2(sharded)


def test_a_stale_index_over_one_complete_set(sharded, model):
    index = json.loads((sharded / INDEX).read_text())
    index["weight_map"] = {name: f"model-00001-of-{999:05d}.safetensors" for name in index["weight_map"]}
    (sharded / INDEX).write_text(json.dumps(index))
    same(sharded, model)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([], "expected a weight_map"),
        ({"weight_map": {}}, "expected a weight_map"),
        ({"weight_map": {"wte.weight": 3}}, "expected a weight_map"),
        ({"weight_map": {"wte.weight": "../model.safetensors"}}, "expected names of safetensors files beside it"),
        ({"weight_map": {"wte.weight": "model.bin"}}, "expected names of safetensors files beside it"),
    ],
)
def test_a_bad_index_is_a_sentence(sharded, index, message):
    (sharded / INDEX).write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=message):
        load_gpt2(sharded)


def test_an_index_that_names_a_tensor_in_vain(sharded):
    index = json.loads((sharded / INDEX).read_text())
    first, *_, last = sorted(set(index["weight_map"].values()))
    name = next(name for name, file in index["weight_map"].items() if file == first)
    index["weight_map"][name] = last
    (sharded / INDEX).write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=rf"{last}: lacks '{name}'"):
        load_gpt2(sharded)


# names


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("inner", ["", "transformer."])
def test_prefixes_of_wrappers(saved, model, prefix, inner):
    rename(saved, lambda name: prefix + inner + name.removeprefix("transformer."))
    same(saved, model)


def test_one_tensor_under_two_names_is_refused(saved):
    tensors = load_file(saved / ONE)
    save_file({**tensors, "wte.weight": tensors["transformer.wte.weight"] + 1}, saved / ONE)
    with pytest.raises(CheckpointError, match="are the same tensor"):
        load_gpt2(saved)


@pytest.mark.parametrize("name", ["score.weight", "classifier.weight", "multiple_choice_head.summary.weight"])
def test_the_head_of_another_task_is_left_out_and_said(saved, model, name):
    save_file({**load_file(saved / ONE), name: torch.zeros(2, 12)}, saved / ONE)
    with pytest.warns(UserWarning, match=f"left out {name}: the head of another task"):
        same(saved, model)


# ties


def test_tied_weights_may_be_stored_under_the_name_of_the_head_alone(saved, model):
    rename(saved, lambda name: "lm_head.weight" if name.endswith("wte.weight") else name)
    same(saved, model)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_head_that_differs_by_rounding_is_the_embedding(saved, model, dtype):
    tensors = load_file(saved / ONE)
    head = tensors["transformer.wte.weight"].to(dtype)
    if dtype is torch.float32:
        head = torch.nextafter(head, torch.tensor(torch.inf))
    save_file({**tensors, "lm_head.weight": head}, saved / ONE)
    same(saved, model)


def test_a_head_of_its_own_is_refused(saved):
    tensors = load_file(saved / ONE)
    save_file({**tensors, "lm_head.weight": tensors["transformer.wte.weight"] * 1.001}, saved / ONE)
    with pytest.raises(CheckpointError, match="the output layer differs from the token embedding"):
        load_gpt2(saved)


# settings


def change(folder, **settings):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))
    return folder


def test_the_ids_of_special_tokens_survive_load_and_save(saved, tmp_path):
    loaded = load_gpt2(change(saved, bos_token_id=5, eos_token_id=7, pad_token_id=9))
    again = json.loads((save_gpt2(loaded, tmp_path / "again") / "config.json").read_text())
    assert (again["bos_token_id"], again["eos_token_id"], again["pad_token_id"]) == (5, 7, 9)


def test_a_padded_vocabulary_generates_what_the_tokenizer_knows(model):
    with torch.no_grad():
        model.token_embedding.weight[50:] += 3 * model.token_embedding.weight[50:].sign()
    out = generate(model, TOKENS, 8, temperature=2.0, allowed=range(50), generator=torch.Generator().manual_seed(0))
    assert int(out[:, TOKENS.shape[1] :].max()) < 50


def test_three_dropouts_that_become_one_are_said(saved):
    change(saved, resid_pdrop=0.2, embd_pdrop=0.1, attn_pdrop=0.0)
    with pytest.warns(UserWarning, match=r"resid_pdrop=0\.2, embd_pdrop=0\.1, attn_pdrop=0\.0"):
        assert load_gpt2(saved).config.dropout == 0.2


def test_an_ordinary_checkpoint_warns_of_nothing(saved):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_gpt2(saved)


# models in memory


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: m.transformer, torch.nn.Module.half])
def test_transformers_models_are_taken_directly(model, wrap):
    theirs = wrap(twin(model))
    loaded = load_gpt2(theirs)
    assert_close(loaded(TOKENS), model(TOKENS), atol=1e-5 if theirs.dtype == torch.float32 else 0.1, rtol=0)
    before = loaded(TOKENS).clone()
    with torch.no_grad():
        next(theirs.parameters()).zero_()
    assert torch.equal(loaded(TOKENS), before)


def test_a_transformers_classifier_is_taken_without_its_head(model):
    theirs = GPT2ForSequenceClassification(twin(model).config)
    with pytest.warns(UserWarning, match="left out score.weight"):
        loaded = load_gpt2(theirs)
    backbone: GPT2Model = theirs.transformer.eval()
    assert_close(loaded.hidden(TOKENS), backbone(TOKENS).last_hidden_state, atol=1e-5, rtol=0)


def test_other_models_are_named_with_the_reason(model):
    llama = LlamaForCausalLM(LlamaConfig(vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                         num_attention_heads=2, num_key_value_heads=2))  # fmt: skip
    for stranger, message in (
        (llama, "got LlamaForCausalLM of type 'llama'; another architecture"),
        (torch.nn.Linear(2, 2), "got Linear of no transformers type"),
        (model, "this is a gpt2lab GPT2 already"),
        (3, "got int 3"),
        (None, "got NoneType None"),
    ):
        with pytest.raises(ValueError, match=message):
            load_gpt2(stranger)
    with pytest.raises(ValueError, match="a transformers model has save_pretrained"):
        save_gpt2(llama, "never")


def test_a_compiled_model_is_saved(model, tmp_path):
    same(save_gpt2(torch.compile(model), tmp_path / "compiled"), model)


# damage


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["wte.weight", "h.1.mlp.c_fc.bias"])
def test_numbers_that_are_none_are_refused(saved, bad, name):
    tensors = load_file(saved / ONE)
    tensors[f"transformer.{name}"].flatten()[3] = bad
    save_file(tensors, saved / ONE)
    with pytest.raises(CheckpointError, match=rf"{name}' holds 1 of [\d,]+ numbers that are nan or infinite"):
        load_gpt2(saved)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint8, torch.bool, torch.complex64])
@pytest.mark.parametrize("name", ["transformer.ln_f.bias", "lm_head.weight"])
def test_other_than_real_numbers_are_refused(saved, dtype, name):
    tensors = load_file(saved / ONE)
    tensors[name] = tensors.get(name, tensors["transformer.wte.weight"]).to(dtype)
    save_file(tensors, saved / ONE)
    with pytest.raises(CheckpointError, match=f"{name}' should hold floating-point numbers, got {dtype}"):
        load_gpt2(saved)


@pytest.mark.parametrize(
    "settings",
    [
        dict(n_layer=10**9), dict(n_layer=10**30), dict(n_layer=10_000), dict(n_embd=10**30), dict(n_head=10**30),
        dict(vocab_size=10**30), dict(n_positions=10**15), dict(n_inner=10**18), dict(layer_norm_epsilon=10**400),
        dict(layer_norm_epsilon="x" * 600_000), dict(model_type="y" * 600_000), dict(n_layer=[]), dict(n_head={}),
        dict(n_layer=True), dict(n_embd=None), dict(resid_pdrop=10**400), dict(resid_pdrop=float("nan")),
    ],
    ids=lambda settings: str(settings)[:40],
)  # fmt: skip
def test_sizes_that_cannot_be_are_refused_before_memory_is_taken(saved, settings, monkeypatch):
    def made(config):
        raise AssertionError("a model was made")

    monkeypatch.setattr("gpt2lab.weights.load.shapes_only", made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(CheckpointError) as caught:
            load_gpt2(change(saved, **settings))
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("n_layer", [3, 10_000, 10**9, 10**30])
def test_the_number_of_layers_is_compared_with_the_file_first(saved, n_layer, monkeypatch):
    """Before the names of a billion layers are written out, which takes minutes and all memory."""
    monkeypatch.setattr("gpt2lab.weights.names.ours_to_theirs", lambda config: pytest.fail("names were written out"))
    with pytest.raises(CheckpointError, match=f"config.json says {n_layer} layers, the weights are of 2"):
        load_gpt2(change(saved, n_layer=n_layer))


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b"{}", b"", b"null"])
def test_json_that_is_too_deep_or_too_long_is_a_sentence(saved, content):
    (saved / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError):
        load_gpt2(saved)


@pytest.mark.parametrize("change_one", [0, 1, -1])
def test_a_changed_number_is_noticed_in_what_was_saved_here(saved, change_one):
    data = bytearray((saved / ONE).read_bytes())
    first = 8 + int.from_bytes(data[:8], "little")  # of the numbers, behind the header
    data[-1 if change_one < 0 else first + 8 * change_one] ^= 1
    (saved / ONE).write_bytes(data)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: its checksum differs"):
        load_gpt2(saved)


@pytest.mark.parametrize("settings", [dict(n_head=4), dict(layer_norm_epsilon=1e-3)])
def test_a_setting_that_no_shape_shows_belongs_to_the_checksum(saved, settings):
    with pytest.raises(CheckpointError, match="or n_head or layer_norm_epsilon in config.json"):
        load_gpt2(change(saved, **settings))


def test_settings_that_may_be_changed_by_hand(saved, model):
    change(saved, eos_token_id=3, resid_pdrop=0.3, embd_pdrop=0.3, attn_pdrop=0.3, torch_dtype="float16")
    same(saved, model)


@pytest.mark.parametrize("seed", [0, 1])
def test_500_mutations_load_as_they_are_or_are_refused(saved, model, seed):
    """What ``save_gpt2`` wrote has a checksum, so that nothing changes unnoticed."""
    whole = {name: (saved / name).read_bytes() for name in (ONE, "config.json")}
    chance = np.random.default_rng(seed)
    loaded = 0
    for _ in range(250):
        name = ("config.json", ONE)[int(chance.integers(2))]
        (saved / name).write_bytes(mutated(chance, whole[name]))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = load_gpt2(saved)
        except CheckpointError as error:
            assert len(str(error)) < 1200
        else:
            loaded += 1
            assert again.config.with_(dropout=0.1) == SHAPE
            assert all(torch.equal(weight, model.state_dict()[name]) for name, weight in again.state_dict().items())
        (saved / name).write_bytes(whole[name])
    assert 0 < loaded < 100


def test_mutations_of_a_checkpoint_without_a_checksum(saved, model):
    """A byte that changes a weight a little cannot be noticed; anything else must be."""
    save_file(load_file(saved / ONE), saved / ONE)
    whole, chance = (saved / ONE).read_bytes(), np.random.default_rng(0)
    loaded = 0
    for _ in range(250):
        (saved / ONE).write_bytes(mutated(chance, whole))
        try:
            again = load_gpt2(saved)
        except CheckpointError as error:
            assert len(str(error)) < 1200
        else:
            loaded += 1
            assert all(bool(torch.isfinite(weight).all()) for weight in again.state_dict().values())
            assert again.config == SHAPE
    assert loaded < 200
