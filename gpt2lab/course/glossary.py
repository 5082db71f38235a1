"""Terms of the field, each with the chapter that explains it, where a learner first meets it.

The cell that explains a term shows it in bold and carries a tag such as ``term:gradient``. No chapter
uses the term before that cell. ``missing`` lists the violations; ``tests/course/test_glossary.py``
holds the terms that are still to be closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from gpt2lab.course import cells
from gpt2lab.course.topics import CHAPTERS


@dataclass(frozen=True)
class Term:
    """One word of the field."""

    name: str  # as in the tag term:learning-rate
    chapter: str  # that explains it
    pattern: str  # how texts write it, as a regular expression; case does not count


_TERMS = """
tensor          primer          tensors?
shape           primer          shapes?
broadcasting    primer          broadcast\\w*
matrix-product  primer          matrix (?:product|multiplication)s?
dot-product     primer          dot products?
cosine          primer          cosines?(?: similarity)?
gradient        primer          gradients?
autograd        primer          autograd|backward pass
learning-rate   primer          learning rates?
descent         primer          gradient descent|step of descent
loss            primer          loss(?:es)?
no-grad         primer          no_grad
token           00_map          tokens?
vocabulary      00_map          vocabular(?:y|ies)
embedding       00_map          embeddings?
logit           00_map          logits?
softmax         00_map          softmax
cross-entropy   00_map          cross-entropy
encoder         00_map          encoders?
cross-attention 00_map          cross-attention
eval-mode       00_map          \\.eval\\(\\)|eval mode
residual        01_residuals    residual (?:stream|connection)s?
norm            01_residuals    norm of (?:the|a) (?:vector|stream)
initialisation  01_residuals    initiali[sz]ation
logit-lens      01_residuals    logit lens
variance        01_residuals    variances?
gain            02_layernorm    gains?
attention-head  03_attention    attention heads?
query           03_attention    quer(?:y|ies)
key             03_attention    attention keys?|keys
value           03_attention    value vectors?|values
score           03_attention    attention scores?|scores
saturation      03_attention    saturat\\w+
low-rank        04_heads        low[- ]rank
causal-mask     00_map          causal masks?
padding         05_masking      padding
byte-pair       06_positions    byte[- ]pair encoding|BPE
rope            06_positions    RoPE
activation      07_feedforward  activation functions?
gelu            07_feedforward  GELU
dropout         07_feedforward  dropout
weight-tying    06_positions    weight tying|tied (?:weights|embeddings)
optimiser       09_training     optimi[sz]ers?
adam            09_training     Adam(?:W)?
batch           02_layernorm    (?:mini)?batch(?:es)?
weight-decay    09_training     weight decay
warm-up         02_layernorm    warm-?up
perplexity      09_training     perplexity
temperature     10_generation   temperature
top-k           10_generation   top-k
nucleus         10_generation   top-p|nucleus sampling
kv-cache        10_generation   KV cache|key-value cache
beam-search     10_generation   beam search
ablation        11_lab          ablat\\w+
induction       12_inside       induction heads?
patching        12_inside       (?:activation )?patching
fine-tuning     13_family       fine-tun\\w+
zero-shot       14_practice     zero-shot
precision       14_practice     precision and recall
"""


def _parse(line: str) -> Term:
    name, chapter, pattern = line.split(maxsplit=2)
    return Term(name, chapter, pattern)


TERMS = {term.name: term for term in map(_parse, _TERMS.strip().splitlines())}


def missing(term: Term, notebooks: dict[str, NotebookNode]) -> Iterator[str]:
    """What a term lacks, in sentences.

    Parameters
    ----------
    term : Term
    notebooks : dict of str to NotebookNode
        The chapters by name.
    """
    if term.chapter not in notebooks:
        yield f"{term.chapter} is not written"
        return
    tag = f"term:{term.name}"
    tagged = [cell for cell in notebooks[term.chapter].cells if tag in cells.tags(cell)]
    if not tagged:
        yield f"no cell of {term.chapter} carries the tag {tag}"
        return
    if not re.search(rf"\*\*[^*\n]*(?:{term.pattern})[^*\n]*\*\*", tagged[0].source, flags=re.I):
        yield f"the cell of {term.chapter} with the tag {tag} does not show the term in bold"
    yield from used_before(term, notebooks, tagged[0])


def used_before(term: Term, notebooks: dict[str, NotebookNode], explained: NotebookNode) -> Iterator[str]:
    """The first cell that uses a term before it is explained; titles and objectives may name it."""
    for stem in CHAPTERS:
        for cell in cells.markdown_cells(notebooks[stem]) if stem in notebooks else []:
            if cell is explained:
                return
            if cell is cells.opening(notebooks[stem]):
                continue
            if found := re.search(rf"\b(?:{term.pattern})\b", cells.text_without_headings(cell), flags=re.I):
                yield f"{stem} uses {found[0]!r} before it is explained: {cells.name(cell)}"
                return


def chapters(folder: Path) -> dict[str, NotebookNode]:
    """The notebooks of a folder by the names of the chapters."""
    return {s: cells.read(folder / f"{s}.ipynb") for s in CHAPTERS if (folder / f"{s}.ipynb").exists()}
