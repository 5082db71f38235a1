"""weights: files that transformers writes and reads, files as published, and files that are refused."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peers import random_config, random_model, random_tokens, twin
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import GPT2LMHeadModel

from gpt2lab.config import GPT2Config
from gpt2lab.errors import CheckpointError
from gpt2lab.model import GPT2
from gpt2lab.positions import NoPositions, RotaryAttention
from gpt2lab.weights import load_gpt2, save_gpt2

config = GPT2Config(vocab_size=61, context_length=32, n_layers=2, n_heads=2, d_model=12, d_ff=20)
tokens = random_tokens(config, 2, 11)


@pytest.fixture
def model():
    return random_model(config, seed=3)


@pytest.fixture
def saved(model, tmp_path) -> Path:
    return save_gpt2(model, tmp_path / "saved")


# there and back


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_saved_models_give_the_same_logits_in_transformers(tmp_path, seed, dtype, atol):
    shape = random_config(seed)
    model = random_model(shape, seed, dtype)
    ids = random_tokens(shape, 2, 20)
    theirs = GPT2LMHeadModel.from_pretrained(save_gpt2(model, tmp_path), dtype="auto").eval()
    assert theirs.dtype == dtype
    assert_close(theirs(ids).logits, model(ids), atol=atol, rtol=0)


def test_transformers_finds_nothing_missing_and_nothing_left_over(saved):
    _, report = GPT2LMHeadModel.from_pretrained(saved, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))


def test_transformers_reads_the_same_sizes(saved):
    theirs = GPT2LMHeadModel.from_pretrained(saved).config
    assert (theirs.vocab_size, theirs.n_positions, theirs.n_layer) == (61, 32, 2)
    assert (theirs.n_head, theirs.n_embd, theirs.n_inner) == (2, 12, 20)
    assert theirs.activation_function == "gelu_new" and theirs.tie_word_embeddings
    assert theirs.resid_pdrop == theirs.embd_pdrop == theirs.attn_pdrop == 0.1


def test_our_own_round_trip_is_exact(model, saved):
    loaded = load_gpt2(saved)
    assert loaded.config == model.config and not loaded.training
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_loaded_matrices_lie_in_memory_as_in_the_file(saved, tmp_path):
    block = load_gpt2(saved).blocks[0]  # the file holds (in, out), ours are (out, in)
    for layer in (block.attn.qkv, block.attn.out, block.ffn.up, block.ffn.down):
        assert layer.weight.T.is_contiguous()
    again = load_gpt2(save_gpt2(load_gpt2(saved), tmp_path / "again")).state_dict()
    for name, weight in load_gpt2(saved).state_dict().items():
        assert torch.equal(again[name], weight), name


@pytest.mark.parametrize("seed", range(4))
def test_what_transformers_saves_we_load(tmp_path, seed):
    theirs = twin(random_model(random_config(seed), seed))
    theirs.save_pretrained(tmp_path)
    ids = random_tokens(random_config(seed), 2, 20)
    assert_close(load_gpt2(tmp_path)(ids), theirs(ids).logits, atol=1e-5, rtol=0)


def test_several_files_are_read_as_one(model, tmp_path):
    theirs = twin(model)
    theirs.save_pretrained(tmp_path, max_shard_size="3KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert_close(load_gpt2(tmp_path)(tokens), theirs(tokens).logits, atol=1e-5, rtol=0)
    next(tmp_path.glob("model-00002-*")).unlink()
    with pytest.raises(
        CheckpointError, match=r"index\.json: names model-00002-of-\d+\.safetensors, which is not there"
    ):
        load_gpt2(tmp_path)


def test_loading_draws_no_random_numbers_and_keeps_no_file(model, saved):
    state = torch.get_rng_state()
    loaded = load_gpt2(saved)
    assert torch.equal(torch.get_rng_state(), state)
    data = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(bytes(len(data)))  # in place, as a mapped file would notice
    assert_close(loaded(tokens), model(tokens), atol=0, rtol=0)


# the layout of the published files, by hand


def published_tensors(model: GPT2, prefix: str = "") -> dict[str, torch.Tensor]:
    """Names and shapes as in the published file: Conv1D is (in, out), mask buffers are in there."""
    state = model.state_dict()
    file = {
        "wte.weight": state["token_embedding.weight"],
        "wpe.weight": state["position_embedding.weight"],
        "ln_f.weight": state["ln_f.weight"],
        "ln_f.bias": state["ln_f.bias"],
    }
    for i in range(model.config.n_layers):
        for theirs, ours in {
            "attn.c_attn": "attn.qkv",
            "attn.c_proj": "attn.out",
            "mlp.c_fc": "ffn.up",
            "mlp.c_proj": "ffn.down",
        }.items():
            file[f"h.{i}.{theirs}.weight"] = state[f"blocks.{i}.{ours}.weight"].T.contiguous()
            file[f"h.{i}.{theirs}.bias"] = state[f"blocks.{i}.{ours}.bias"]
        for norm in ("ln_1", "ln_2"):
            for p in ("weight", "bias"):
                file[f"h.{i}.{norm}.{p}"] = state[f"blocks.{i}.{norm}.{p}"]
        n = model.config.context_length
        file[f"h.{i}.attn.bias"] = torch.ones(n, n).tril()[None, None]
        file[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    return {prefix + name: tensor.clone() for name, tensor in file.items()}


def published_config(**changes) -> dict:
    """The keys of the published config.json, with small sizes."""
    return {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": 60,
        "embd_pdrop": 0.1,
        "eos_token_id": 60,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": 32,
        "n_embd": 12,
        "n_head": 2,
        "n_inner": 20,
        "n_layer": 2,
        "n_positions": 32,
        "resid_pdrop": 0.1,
        "vocab_size": 61,
        **changes,
    }


def write(folder: Path, tensors: dict[str, torch.Tensor], sizes: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(sizes), encoding="utf-8")
    return folder


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_the_published_layout(model, tmp_path, prefix):
    folder = write(tmp_path, published_tensors(model, prefix), published_config())
    assert load_gpt2(folder).config == config
    assert_close(load_gpt2(folder)(tokens), twin(model)(tokens).logits, atol=1e-5, rtol=0)


def test_n_inner_null_means_four_times_d_model(tmp_path):
    model = random_model(config.with_(d_ff=48))
    folder = write(tmp_path, published_tensors(model), published_config(n_inner=None))
    assert load_gpt2(folder).config.d_ff == 48


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(model, tmp_path, dtype):
    tensors = {name: tensor.to(dtype) for name, tensor in published_tensors(model).items()}
    loaded = load_gpt2(write(tmp_path, tensors, published_config()))
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert_close(loaded(tokens), model(tokens), atol=5e-3, rtol=0)


def test_a_tied_output_layer_may_be_stored_too(model, tmp_path):
    tensors = published_tensors(model, "transformer.")
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
    assert_close(load_gpt2(write(tmp_path, tensors, published_config()))(tokens), model(tokens))


def test_the_new_name_of_the_same_gelu_is_accepted(model, tmp_path):
    sizes = published_config(activation_function="gelu_pytorch_tanh")
    assert_close(load_gpt2(write(tmp_path, published_tensors(model), sizes))(tokens), model(tokens))


# refusals: the configuration


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(activation_function="relu"), "activation_function is 'relu', but GPT-2 has 'gelu_new'"),
        (dict(activation_function="gelu"), "activation_function is 'gelu', but GPT-2 has 'gelu_new'"),
        (dict(scale_attn_weights=False), "scale_attn_weights is False, but GPT-2 has True"),
        (dict(scale_attn_by_inverse_layer_idx=True), "scale_attn_by_inverse_layer_idx is True"),
        (dict(reorder_and_upcast_attn=True), "reorder_and_upcast_attn is True"),
        (dict(add_cross_attention=True), "add_cross_attention is True"),
        (dict(tie_word_embeddings=False), "tie_word_embeddings is False"),
        (dict(model_type="gpt_neo"), "model_type is 'gpt_neo', but GPT-2 has 'gpt2'"),
        (dict(n_head=5), "d_model must be divisible by n_heads.*d_model=12 and n_heads=5"),
        (dict(n_layer="two"), "n_layers must be a whole number of at least 1, got 'two'"),
        (dict(n_embd=None), "d_model must be a whole number of at least 1, got None"),
    ],
)
def test_another_architecture_is_refused(model, tmp_path, changes, message):
    folder = write(tmp_path, published_tensors(model), published_config(**changes))
    with pytest.raises(CheckpointError, match=rf"config\.json: .*{message}"):
        load_gpt2(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{oops", r"config\.json: not a readable JSON file"),
        (b"\xff\xfe\x00", r"config\.json: not a readable JSON file"),
        (b"[1, 2]", r"config\.json: expected a JSON object .*got a list"),
    ],
)
def test_a_damaged_config_is_refused(saved, content, message):
    (saved / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_gpt2(saved)


def test_a_folder_without_config_is_refused(saved):
    (saved / "config.json").unlink()
    with pytest.raises(CheckpointError, match="saved: no config.json there; expected a Hugging Face model"):
        load_gpt2(saved)


# refusals: the weights


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("a pickle ran code",)


def test_a_pickle_is_never_opened(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="saved: no model.safetensors there"):
        load_gpt2(saved)
    (saved / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="only pytorch_model.bin .* pickled weights can run code"):
        load_gpt2(saved)
    (saved / "pytorch_model.bin").rename(saved / "model.safetensors")  # a pickle under a false name
    with pytest.raises(CheckpointError, match="model.safetensors: not a whole safetensors file"):
        load_gpt2(saved)
    assert not Path("a pickle ran code").exists()


@pytest.mark.parametrize("keep", [0, 5, 100, 0.5, 0.999])
def test_a_truncated_file_is_refused(saved, keep):
    file = saved / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not a whole safetensors file"):
        load_gpt2(saved)


def altered(saved: Path, change) -> Path:
    """Rewrite the saved file after ``change`` has worked on its tensors."""
    tensors = load_file(saved / "model.safetensors")
    change(tensors)
    save_file(tensors, saved / "model.safetensors")
    return saved


def put(name, tensor):
    return lambda tensors: tensors.update({name: tensor})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            put("transformer.h.0.attn.c_attn.weight", torch.zeros(36, 12)),
            r"c_attn.weight' should have shape \(12, 36\) by config.json, got \(36, 12\)",
        ),
        (put("transformer.wte.weight", torch.zeros(60, 12)), r"shape \(61, 12\) .* got \(60, 12\)"),
        (put("transformer.ln_f.bias", torch.zeros(1)), r"shape \(12,\) by config.json, got \(1,\)"),
        (
            lambda tensors: tensors.pop("transformer.h.1.mlp.c_fc.bias"),
            r"saved: 1 tensors are missing, the first is 'h.1.mlp.c_fc.bias'",
        ),
        (lambda tensors: tensors.pop("transformer.wte.weight"), "the first is 'wte.weight'"),
        (
            put("transformer.h.2.ln_1.bias", torch.zeros(12)),
            "unexpected tensor 'transformer.h.2.ln_1.bias'; this is not a GPT-2 of 2 layers",
        ),
        (put("transformer.h.0.crossattention.c_attn.bias", torch.zeros(24)), "unexpected tensor .*crossatt"),
        (put("lm_head.weight", torch.zeros(61, 12)), "output layer differs from the token embedding.* ties"),
        (
            put("transformer.ln_f.bias", torch.zeros(12, dtype=torch.long)),
            "'transformer.ln_f.bias' should hold floating-point numbers, got torch.int64",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(saved, change, message):
    with pytest.raises(CheckpointError, match=message):
        load_gpt2(altered(saved, change))


# names and paths


def test_an_existing_path_wins_over_a_hub_name(model, tmp_path, monkeypatch):
    save_gpt2(model, tmp_path / "gpt2")
    save_gpt2(model, tmp_path / "openai-community" / "gpt2")
    monkeypatch.chdir(tmp_path)
    for name in ("gpt2", "openai-community/gpt2", Path("gpt2")):
        assert load_gpt2(name).config == config


def test_a_file_is_no_model(saved):
    with pytest.raises(CheckpointError, match="expected a directory .* got a file"):
        load_gpt2(saved / "model.safetensors")


def test_an_unknown_name_is_refused_without_asking_the_network(monkeypatch):
    def no_network(*args, **kwargs):
        raise AssertionError("asked the network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", no_network)
    with pytest.raises(CheckpointError, match="'gpt5' is neither a directory nor a known model"):
        load_gpt2("gpt5")


OFFLINE = """
import sys
from gpt2lab import CheckpointError, load_gpt2
assert "huggingface_hub" not in sys.modules
for name in ("gpt2", "nobody/nothing"):
    try:
        load_gpt2(name)
    except CheckpointError as error:
        print(error)
"""


@pytest.mark.parametrize(
    "environment",
    [{"HF_HUB_OFFLINE": "1"}, {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}],
    ids=["told to stay offline", "no connection"],
)
def test_without_a_network_a_name_fails_clearly(tmp_path, environment):
    environment = {**os.environ, **environment, "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["'gpt2'", "'nobody/nothing'"]
    for line in lines:
        assert "is not in the local Hugging Face cache and could not be downloaded" in line
        assert "check the name and the network, or give a local directory" in line


def test_a_cache_with_the_tokenizer_alone_is_completed(model, tmp_path, monkeypatch):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.json").write_text("{}", encoding="utf-8")
    save_gpt2(model, tmp_path / "whole")
    calls = []

    def snapshot_download(repo_id, allow_patterns, local_files_only=False):
        calls.append((repo_id, local_files_only))
        return str(tmp_path / ("half" if local_files_only else "whole"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    assert load_gpt2("gpt2").config == config
    assert calls == [("openai-community/gpt2", True), ("openai-community/gpt2", False)]


def test_a_name_is_not_downloaded_if_the_caller_says_so(monkeypatch):
    def snapshot_download(repo_id, allow_patterns, local_files_only=False):
        assert local_files_only, "asked the network"
        raise FileNotFoundError

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(CheckpointError, match="'gpt2' is not in the local.*download=True would fetch it"):
        load_gpt2("gpt2", download=False)


def test_a_name_in_the_cache_is_not_downloaded(saved, monkeypatch):
    def snapshot_download(repo_id, allow_patterns, local_files_only=False):
        assert local_files_only and repo_id == "somebody/something"
        assert not any("bin" in pattern for pattern in allow_patterns)
        return str(saved)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    assert load_gpt2("somebody/something").config == config


# saving


@pytest.mark.parametrize("partial", [b"", b"half a file"])
def test_a_failure_while_writing_keeps_the_old_model(model, saved, monkeypatch, partial):
    def breaks(tensors, file, metadata):
        Path(file).write_bytes(partial)
        raise OSError("No space left on device")

    monkeypatch.setattr("gpt2lab.weights.save.save_file", breaks)
    with pytest.raises(OSError, match="No space left"):
        save_gpt2(random_model(config, seed=9), saved)
    assert sorted(file.name for file in saved.iterdir()) == ["config.json", "model.safetensors"]
    assert torch.equal(load_gpt2(saved)(tokens), model(tokens))


def test_saving_again_replaces_the_model(saved):
    other = random_model(config.with_(n_layers=1), seed=9)
    assert save_gpt2(other, str(saved)) == saved
    assert torch.equal(load_gpt2(saved)(tokens), other(tokens))


def with_rope(model):
    model.blocks[1].attn = RotaryAttention(config)


def without_table(model):
    model.position_embedding = NoPositions(config)


def with_another_activation(model):
    class ReLU(type(model.blocks[0].ffn)):
        pass

    model.blocks[0].ffn.__class__ = ReLU


def with_an_extra_layer(model):
    model.head = torch.nn.Linear(12, 61)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_rope, "differs in blocks.1.attn: expected MultiHeadAttention, got RotaryAttention"),
        (without_table, "differs in position_embedding: expected LearnedPositions, got NoPositions"),
        (with_another_activation, "differs in blocks.0.ffn: expected FeedForward, got ReLU"),
        (with_an_extra_layer, "differs in head: expected nothing, got Linear"),
    ],
)
def test_variants_are_not_written_as_if_they_were_gpt2(model, tmp_path, change, message):
    change(model)
    with pytest.raises(ValueError, match=f"save_gpt2 writes plain GPT-2 models, but this one {message}"):
        save_gpt2(model, tmp_path / "variant")
    assert not (tmp_path / "variant").exists()
