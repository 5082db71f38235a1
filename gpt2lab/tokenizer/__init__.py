"""Text to tokens and back: GPT-2's encoding, the course's own, how one is trained, and ids checked."""

from gpt2lab.tokenizer.corpus import standard_library_files, standard_library_text
from gpt2lab.tokenizer.encodings import course_encoding, gpt2_encoding, train_bpe
from gpt2lab.tokenizer.labels import left_out, token_label, token_labels, whole_characters

__all__ = [
    "course_encoding",
    "gpt2_encoding",
    "left_out",
    "standard_library_files",
    "standard_library_text",
    "token_label",
    "token_labels",
    "train_bpe",
    "whole_characters",
]
