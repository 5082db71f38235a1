"""Small tokenizers of transformers, made here: byte-level as GPT-2's, of whole words, and one in Python."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CTRLTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast

END = "<|endoftext|>"


def byte_level(**settings) -> PreTrainedTokenizerFast:
    """A byte-level BPE like GPT-2's, trained on a line."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=[END]
    )
    inner.train_from_iterator(["def f(x): return x", "one two three"] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=END, eos_token=END, **settings)


def gpt2() -> GPT2Tokenizer:
    """The same class as the published tokenizer's."""
    inner = json.loads(byte_level().backend_tokenizer.to_str())["model"]
    return GPT2Tokenizer(vocab=inner["vocab"], merges=[tuple(pair) for pair in inner["merges"]])


def word_pieces() -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.WordPiece({"[UNK]": 0, "the": 1, "box": 2, "##es": 3, "é": 4}, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]")


def slow(folder: Path) -> CTRLTokenizer:
    """One that is written in Python."""
    (folder / "vocab.json").write_text(json.dumps({"<unk>": 0, "a@@": 1, "b</w>": 2, "b": 3, "a": 4, "ab": 5}))
    (folder / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    return CTRLTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
