"""What the course teaches, as data: every topic, the chapter that owns it, what you take away.

A cell that teaches a topic carries the tag ``topic:33``. From the tags, ``python -m gpt2lab.course.coverage``
writes chapters/COVERAGE.md, so coverage is generated and tested, not claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

CHAPTERS = {  # name: title
    "primer": "Primer: tensors, gradients, one step of descent",
    "00_map": "The map: from text to the next token",
    "01_residuals": "The residual stream",
    "02_layernorm": "Layer normalisation",
    "03_attention": "Attention: one head",
    "04_heads": "Many heads, and how to read a map",
    "05_masking": "Masking",
    "06_positions": "Tokens and positions",
    "07_feedforward": "The feed-forward network",
    "08_gpt2": "The whole GPT-2",
    "09_training": "Training",
    "10_generation": "Generation",
    "11_lab": "The ablation lab",
    "12_inside": "Inside: what it learned, and how one knows",
    "13_family": "The family",
    "14_practice": "Practice",
    "15_claims": "The claim clinic",
}


@dataclass(frozen=True)
class Topic:
    """One thing to learn."""

    id: int  # as in the tag topic:33
    chapter: str  # that owns it; other chapters may touch it too
    title: str
    takeaway: str  # what the learner can say or do afterwards


_TOPICS = """
 1 00_map         The idea of the Transformer | A sequence model made of attention and small networks, without recurrence or convolution; in 2017 an encoder with a decoder.
 2 13_family      The encoder–decoder, complete | Stack encoder and decoder layers, and hand one vector per source token to every decoder layer.
 3 13_family      The encoder layer | Unmasked attention and a feed-forward network, each with its sum and its norm.
 4 13_family      The decoder layer | Masked self-attention, cross-attention and a feed-forward network: three parts, three norms.
 5 00_map         Decoder-only, and still a Transformer | GPT keeps masked attention, feed-forward networks, sums, norms and positions; encoder and cross-attention go.
 6 13_family      BERT, GPT and T5 side by side | Encoder, decoder, or both: what each sees, how it is trained, what it is used for.
 7 13_family      GPT as a classifier | Put a linear layer on the last real token, or ask in words and compare the probabilities of the answers.
 8 00_map         GPT-2 from end to end | Embeddings, blocks, final norm, output layer, softmax: name each step and the shape it returns.
 9 08_gpt2        GPT-1 beside GPT-2 | The norm moves from after each sum to the start of each branch, and one more closes the stack.
10 08_gpt2        What GPT-2 really changed | Pre-LN, a final norm, scaled initial weights, byte-level tokens, and a larger vocabulary, context and batch.
11 06_positions   Weight tying | The token table is also the output layer; nothing else is shared. 124 million parameters instead of 163 million.
12 01_residuals   Stacking blocks | What depth adds, and what keeps a deep stack trainable.
13 00_map         A token's way through one block | Read from the stream, write to it by attention; read again, write by the feed-forward network.
14 00_map         From hidden vector to probabilities | Dot products with every row of the token table give logits; softmax makes them a distribution.
15 13_family      What Transformers are used for | Text, translation, speech, images: what changes is the input and the output, hardly the blocks.
16 14_practice    How good GPT-2 was | Strong zero-shot on language modelling, weak on translation, summaries and questions: read the tables.
17 06_positions   Tokenisation | Text becomes tokens, tokens become ids; a token is not a word.
18 06_positions   The embedding matrix | One learned row per token id; looking up is multiplying by a one-hot vector.
19 06_positions   Why positions must be added | Unmasked attention does not notice order; prove it by permuting.
20 06_positions   Absolute positions | One vector per position, added to the token's vector; the width stays.
21 06_positions   Relative positions | Let scores depend on distance: relative bias, RoPE, ALiBi.
22 06_positions   Sinusoidal positions | Sines and cosines of geometric frequencies; moving by k is a rotation.
23 06_positions   Learned positions | A trained table: simple, and with nothing in it past its last row.
24 06_positions   Positions in GPT-2 | A learned table of 1024 rows, added once, before the first block.
25 06_positions   "Positional normalisation" | No part of a Transformer has this name; what is meant is position encoding.
26 06_positions   "Position-sensitive embedding" | Offsets added to keys and values are relative positions (Shaw et al. 2018); GPT-2 has none.
27 08_gpt2        Contextual vectors | The same token gets another vector in another sentence; measure how early they part.
28 03_attention   Self-attention: the idea | Each token's new vector is a weighted blend of what the visible tokens offer.
29 03_attention   Self-attention: the computation | Project to queries, keys and values; score, softmax, blend.
30 03_attention   Query, key and value | The query asks, the key is compared, the value is what gets blended.
31 03_attention   The filing cabinet | A note, labels, folders, and the sentence that completes the picture: you take a blend of folders.
32 04_heads       What "it" refers to | Read one row of an attention map, and say what it does and does not show.
33 03_attention   The factor 1/√d_head | Dot products spread like the root of the width; the factor keeps scores, weights and a query's gradient alike at every width.
34 03_attention   Softmax and the weighted sum | Weights are positive and sum to 1; the result is an average of values.
35 01_residuals   What "Add" adds | The input of a part and its output, with weights 1 and 1; no weighted sum of heads.
36 04_heads       Several heads: the idea | Several attention maps at once, each in its own slice of the features.
37 04_heads       Several heads: the computation | Project, cut the feature axis, attend, join, mix.
38 04_heads       Joining the heads: W_O | The heads stand side by side until one last linear map mixes them.
39 04_heads       What several heads buy | Several patterns per layer at the price of one wide head; each compares and hands over fewer features.
40 04_heads       How many heads | The width must be divisible; GPT-2 keeps 64 features per head at every size.
41 04_heads       Heads that do little | Many heads can be switched off at small loss; measure, then prune.
42 13_family      Cross-attention | Queries from the decoder, keys and values from the encoder; the same function otherwise.
43 01_residuals   "Additive interaction" | The sum of a part's input and output is the residual connection; no layer does it.
44 03_attention   "Dynamic routing" | That name belongs to capsule networks; attention weights come from one softmax.
45 04_heads       Drawing attention weights | Which axis is the query, what rows sum to, and where the drawing misleads.
46 13_family      Attention against convolution | One reaches every visible position at once, the other one neighbourhood per layer; each has its price.
47 05_masking     Attention against recurrence | Parallel over positions in training; direct access instead of one hidden state.
48 05_masking     Long distances | The path between two tokens is one step long, however far apart they are.
49 07_feedforward What runs in parallel | All positions and all heads in one matrix product; layers, and tokens in generation, one after another.
50 05_masking     The causal mask | Scores of later positions become -inf before the softmax; their weights are exactly 0.
51 05_masking     The mask in training and in generation | Training predicts every position at once; with a cache, one new query needs no mask.
52 05_masking     Does the mask waste attention? | Attention works on the visible prefix; only the masked half of the scores is computed in vain.
53 05_masking     The padding mask | Hide the padding as keys; it has nothing to do with order.
54 05_masking     "Hard" and "soft" masking | Zeros in the input or small numbers in the scores still leak; measure how much.
55 05_masking     Random masking of tokens | BERT's corruption of the data: a training task, no attention mask.
56 10_generation  Autoregression | The output becomes the input: predict, choose, append, repeat.
57 10_generation  The greedy loop | Write the loop, its end token and its limit, and feed it the whole prefix.
58 10_generation  Continuing a prompt | What GPT-2 does with a prompt, and what the sampling rule does to the text.
59 07_feedforward The feed-forward network: its purpose | After tokens have exchanged information, each works on its own.
60 07_feedforward From 512 to 2048 and back | Widen, bend, narrow: the shapes and the number of weights.
61 07_feedforward The feed-forward network of GPT-2 | 768 to 3072 and back, GELU between, nothing after.
62 07_feedforward "Feed-forward" against feedback | The word says that nothing loops back within one pass.
63 07_feedforward Same weights for all positions | One network for every position, another one in every layer.
64 07_feedforward Activation functions | ReLU, exact GELU and tanh GELU: where they differ and by how much.
65 07_feedforward The multi-layer perceptron | Linear, bend, linear: without the bend it is one linear map.
66 01_residuals   The residual connection: its purpose | x + f(x): the identity carries the stream forward and the gradient back.
67 01_residuals   The residual connection in GPT-2 | Two sums per block, one around each part, and nothing after them.
68 01_residuals   Gradients that vanish or explode | What the sum cures, what it leaves, and what norms and scaling add.
69 02_layernorm   Layer normalisation: its purpose | Every branch reads numbers of the same size, however large the stream has grown.
70 02_layernorm   Layer normalisation: the computation | Mean and biased variance of one token, eps inside the root, then gain and bias.
71 02_layernorm   Before or after the part | Pre-LN and post-LN: where the norm stands and what that does to the gradient.
72 02_layernorm   Internal covariate shift | The traditional reason, and why it is contested.
73 01_residuals   "Add & Norm" | Two things under one name: the sum, and the norm, which GPT-2 moves.
74 07_feedforward Dropout: its purpose | Zero some numbers at random in training, so that nothing relies on one of them.
75 07_feedforward Dropout in GPT-2 | Where it stands, how it rescales, and that eval() switches it off.
76 09_training    Predicting the next token | The task that needs no labels: the text is its own answer, shifted by one.
77 09_training    The training loop | Data, forward, loss, backward, step: who changes what.
78 09_training    Cross-entropy | Minus the log of the probability of what came; from logits, in nats.
79 09_training    Gradient clipping | One norm over all gradients, one common factor; it caps, it does not lift.
80 09_training    Mixed precision | Low precision for matrix products, full precision for weights and sums, and a scale for fp16.
81 09_training    A learning rate that changes | Warm-up and decay follow the step number, not the success.
82 09_training    Schedules side by side | Constant, step, exponential, cosine: draw them, and say what each does.
83 09_training    Optimisers | Adam keeps two moving averages per weight; follow one weight by hand.
84 09_training    Regularisation | Weight decay and dropout: what each acts on, and how to see that it helps.
85 09_training    Several devices | Each takes a part of the batch; the mean of the gradients is the gradient of the whole.
86 14_practice    Pruning | Zeroed weights save nothing by themselves; removed heads do.
87 14_practice    Data and hyper-parameters | Clean, split, augment, search: what is worth trying first.
88 14_practice    Measuring a model | Accuracy, precision, recall, F1, ROC, and loss: what each answers.
89 14_practice    Where to read on | The papers, the reference code, and how to check a claim against them.
90 14_practice    A Transformer by hand | Write attention, encoder, decoder and training loop without looking.
91 07_feedforward GELU | The tanh form that GPT-2 uses, and how far it is from the exact one.
92 06_positions   Byte-level BPE | Merge the most frequent pair, again and again, starting from bytes: no text is unknown.
93 06_positions   The vocabulary of 50,257 | 256 bytes, 50,000 merges and one special token.
94 08_gpt2        A context of 1024 tokens | What the limit is made of, and what it costs in memory and work.
95 10_generation  <|endoftext|> | The one special token: it separates documents, and can start and end a text.
96 02_layernorm   The final layer norm | Why a pre-LN stack needs one more norm before the output layer.
97 06_positions   Tied embeddings, counted | One matrix, two uses: count its parameters and see its gradient arrive from both.
98 01_residuals   Scaled initial weights | 1/√(2·n_layers) on what writes to the stream keeps its spread near 1 at any depth.
99 09_training    AdamW | Weight decay apart from the gradient, and on matrices only.
100 09_training   Warm-up | Why the first steps are small, and what happens without.
101 09_training   WebText | What GPT-2 read, how it was chosen, and what that leaves out.
102 14_practice   Zero-shot | Put the task into the prompt; no weight changes.
103 09_training   Perplexity | exp(loss): between how many tokens the model hesitates.
104 10_generation Temperature, top-k, top-p | Three ways to reshape or cut the distribution before drawing from it.
105 10_generation The KV cache | Keys and values of earlier tokens never change: keep them, and pay with memory.
106 14_practice   BLEU | What it counts, and what it cannot see.
"""


def _parse(line: str) -> Topic:
    id_and_chapter_and_title, takeaway = line.split(" | ")
    id, chapter, title = id_and_chapter_and_title.split(maxsplit=2)
    return Topic(int(id), chapter, title.strip(), takeaway.strip())


TOPICS = {topic.id: topic for topic in map(_parse, _TOPICS.strip().splitlines())}


def topics_of(chapter: str) -> list[Topic]:
    """The topics that a chapter owns, by id. ``chapter`` is a name such as ``03_attention``."""
    return [topic for topic in TOPICS.values() if topic.chapter == chapter]
