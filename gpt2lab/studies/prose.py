"""Twelve paragraphs from the chapters of this course, for a text to be told from Jane Austen's.

The first plain paragraph of 260 to 480 characters in each of twelve chapters, picked by length before anything
was measured on them. They stay as they were then: stored results depend on them.
"""

from __future__ import annotations

COURSE = (
    # map
    "Not one line of the above. Training changes the numbers in the tables and matrices, nothing else. "
    "The course brings a small GPT-2 that has been trained. It has a vocabulary of its own and has read "
    "Jane Austen's six novels, nothing else. The real GPT-2 read 8 million documents (Radford et al. "
    "2019, section 2.1).",
    # residuals
    "Two curves fall, in opposite directions. The gradient comes from the right and has faded when it "
    "reaches block 0. The signal comes from the left and has faded just as much when it reaches block 48. "
    "Each block passes on about half of what it gets, in both directions. Is the missing sum to blame, or "
    "the fading?",
    # layernorm
    "What can be measured directly: the norm rescales the gradient. A token ten times as large gets a "
    "gradient ten times as small. And the gradient has no part along the token's own pattern: a larger "
    "pattern changes nothing, so nothing asks for it. Xu et al. (2019) found such effects to matter more "
    "than the normalised numbers themselves.",
    # heads
    "How it comes out in training is a matter of measuring. Vaswani et al. (2017, table 3, rows A) kept "
    "the price equal too: translation with 1 head was 0.9 BLEU points worse than the best number of heads "
    "(BLEU scores translations), and 32 narrow heads were worse as well.",
    # masking
    "Three seeds each, one outcome. The unmasked models learned to copy from one place further on. Eleven "
    "of their twelve targets stand in the input. Only the last must be guessed: 3.0 nats, spread over "
    "twelve tokens, are 0.25 each. Their loss is excellent and they have learned nothing: when they "
    "generate, the next token is not there to be read.",
    # positions
    "In one layer the last token blends a set, and a set has no order. With two layers the tokens in "
    "between, each of which saw another prefix, carry a trace of their place to the last one. The causal "
    "mask is a kind of clock. Models trained without positions do learn usable ones from it (Haviv et al. "
    "2022).",
    # feedforward
    "The same weights with ReLU are a worse model: they were trained for another curve. Without a bend "
    "hardly a model is left. The exact GELU does no harm, but it is a reason why a re-implementation "
    '"almost" agrees. For training from scratch the choice matters less; Shazeer 2020 compares several '
    "activations and offers no explanation for the differences.",
    # gpt2
    "Rule and measurement lie on one line. The numbers above the picture are the control: if the spread "
    "is the cause, logits times 2 must cost four times as much, and times 0 nothing. Check the first loss "
    "in any language model you write: far below the rule, an answer leaks; far above, the start is badly "
    "scaled.",
    # training
    "The first steps buy the most: which tokens are frequent, which follow each other. The last 5,000 "
    "steps of this run buy the least in nats, and they make the difference between A and C. This is one "
    "sentence; the curve over held-out text, in section 9, goes on in the same way.",
    # generation
    "Top-k keeps 40 everywhere: too many where one token is nearly certain, few where hundreds would do. "
    "Top-p adapts. Neither can tell a good token from a bad one, and that is the price: with either rule, "
    "at least one in ten of Austen's tokens could not have been written. Fan et al. (2018) brought top-k "
    "to stories; Holtzman et al. (2020) top-p, with measurements on GPT-2 large.",
    # lab
    "The outlined cells are the letters that belong in each place. (Each model is the seed whose end was "
    "the median. Type letters of your own, pick other parts and heads.) This head does not look there, "
    "and neither does any other. Yet most of the letters come out right. How?",
    # inside
    "That is what comes out. Three of these five fall to nothing without looks one back, and do not "
    "notice the others (the control). Seeds 2 and 3 lose with each. One recipe, nearly the same marks, "
    "two routes; and the induction score finds next to nothing on the second.",
)  # fmt: skip
"""One paragraph each; keep them in this order."""
