"""Checks for the size and cost of a model: parameters and operations."""

from __future__ import annotations

import math

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_number
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.weights.shapes import shapes_only


@validates
def block_parameters(function: Answer) -> CheckResult:
    """``my_block_parameters(d_model)`` -> number of parameters of one GPT-2 block, biases included."""
    return examine("block_parameters", function, "d_model", _block_parameters)


def _block_parameters(learner: Learner) -> None:
    for d in (768, 1600, 12):
        count = as_number(learner(d), "a whole number")
        right = 12 * d * d + 13 * d
        reasons = {
            12 * d * d: "only the matrices are counted; biases and layer norms are missing",
            12 * d * d + 9 * d: "4·d are missing, as many as the two layer norms have (a weight and a bias each), and "
            "as many as the biases of the four attention maps",
            12 * d * d + 4 * d: "the biases of the linear maps are missing",
            12 * d * d + 11 * d: "2·d are missing: each of the two layer norms has a weight *and* a bias, and each of "
            "the three maps to query, key and value has a bias of d numbers",
            12 * d * d + 8 * d: "the biases of the feed-forward network are missing: 4·d and d numbers",
            12 * d * d + 10 * d: "3·d are missing: a map's bias is as long as its output, so that of the first "
            "feed-forward map has 4·d numbers",
            12 * d * d + 12 * d: "the bias of one map is missing",
            12 * d * d + 15 * d: "there are only two layer norms in a block; the third stands after the last block",
            12 * d * d + 16 * d: "a map's bias is as long as its output: that of the second feed-forward map has d "
            "numbers",
            8 * d * d + 9 * d: "the attention's matrices are missing, or the first feed-forward map",
            8 * d * d + 12 * d: "the second feed-forward map is missing",
            6 * d * d + 10 * d: "the feed-forward network is counted as d → d → d; its hidden layer is 4·d wide",
            10 * d * d + 11 * d: "one map is counted for query, key and value; there are three, d × d each",
            11 * d * d
            + 12 * d: "one attention map is missing; there are four: query, key, value and the output map W_O",
            4 * d * d + 8 * d: "the feed-forward network is missing",
            8 * d * d + 5 * d: "only the feed-forward network is counted",
            4 * d * d + 4 * d: "only the attention is counted",
            12 * right: "that is twelve blocks; one is asked",
        }
        if count != right:
            reason = f": {reasons[int(count)]}" if int(count) in reasons else ""
            raise Wrong(f"For d_model={d} a block has {right:,} parameters, you count {int(count):,}{reason}.")


@validates
def parameter_count(function: Answer) -> CheckResult:
    """``my_count(config)`` -> number of parameters of a GPT-2 with this GPT2Config, tied output."""
    return examine("parameter_count", function, "config", _count)


def _count(learner: Learner) -> None:
    for config in (GPT2Config.gpt2(), GPT2Config.gpt2_xl(), GPT2Config.tiny(d_ff=100)):
        right = _parameters(config)
        answer = learner(config)
        parts = answer.values() if isinstance(answer, dict) else (answer,)
        given = sum(as_number(part, "a whole number") for part in parts)
        d, block = config.d_model, 4 * config.d_model**2 + 2 * config.d_model * config.d_ff
        gaps = {
            config.vocab_size * d: "the output layer is counted, or the token table twice. GPT-2 uses one matrix for "
            "both: they are tied",
            -config.vocab_size * d: "the token table is missing",
            -config.context_length * d: "the position table is missing",
            -2 * d: "the final layer norm (weight and bias) is missing",
            -2 * d * (2 * config.n_layers + 1): "the layer norms are missing: two in each block and one at the end, "
            "with a weight and a bias each",
            -4 * d * config.n_layers: "in each block as many are missing as its two layer norms have, or "
            "the biases of its attention",
            -4 * d * config.n_layers - (5 * d + config.d_ff) * config.n_layers - 2 * d: "all biases and layer norms "
            "are missing; only the matrices are counted",
            -(5 * d + config.d_ff) * config.n_layers: "the biases of the linear layers are missing",
            -d * d * config.n_layers: "the output projection W_O of the attention is missing",
            -(d * d + d) * config.n_layers: "the output projection W_O of the attention is missing",
            -(d + config.d_ff) * config.n_layers: "the biases of the feed-forward network are missing",
            config.n_layers * (8 * d * d + 4 * d - (2 * d + 1) * config.d_ff): "the feed-forward network is taken as "
            "four times as wide as the stream. Its width is config.d_ff",
            config.n_layers * (8 * d * d - 2 * d * config.d_ff): "the matrices of the feed-forward network are taken "
            "as d × 4d. They are d × config.d_ff",
            -2 * d * config.n_layers: "2·d are missing in each block: it has two layer norms, each with a weight and "
            "a bias",
            -(2 * config.n_layers + 1) * d: "each layer norm has a weight *and* a bias, d numbers each; one of the two "
            "is missing",
            (1024 - config.context_length)
            * d: "the position table is taken as 1,024 rows. It has config.context_length",
            -config.n_layers
            * d: "d numbers are missing in each block: the output map of the attention has a bias, and "
            "the second feed-forward map has one",
            -config.n_layers * (config.d_ff - d): "a map's bias is as long as its output: that of the first "
            "feed-forward map has d_ff numbers",
            config.n_layers * (config.d_ff - d): "a map's bias is as long as its output: that of the second "
            "feed-forward map has d numbers",
            config.n_layers * 4 * d * d * (config.n_heads - 1): "the attention's matrices are counted once for each "
            "head. The heads share them: each has d_head of their columns",
            -right: "nothing is counted",
            -(config.n_layers - 1) * block: "only one block is counted",
        }
        if given != right:
            reason = gaps.get(int(given) - right)
            if given == _parameters(GPT2Config.gpt2()):
                reason = "that is GPT-2 small whatever the config says"
            hint = f": {reason}." if reason else "."
            raise Wrong(f"For {config} you count {given:,.0f}, the model has {right:,} ({given - right:+,.0f}){hint}")


def _parameters(config: GPT2Config) -> int:
    return shapes_only(config).n_parameters()


@validates
def flops_per_token(function: Answer) -> CheckResult:
    """``my_flops(config, T)`` -> operations of the blocks for one token at context length T."""
    return examine("flops_per_token", function, "config T", _flops)


def _flops(learner: Learner) -> None:
    for config, T in ((GPT2Config.gpt2(), 1024), (GPT2Config.gpt2_xl(), 100), (GPT2Config.tiny(d_ff=50), 7)):
        d, n = config.d_model, config.n_layers
        weights, scores = n * 2 * (4 * d * d + 2 * d * config.d_ff), n * 2 * 2 * T * d
        given = as_number(learner(config, T))
        if math.isclose(given, weights + scores, rel_tol=1e-9):
            continue
        for message, wrong in {
            "A multiplication and an addition are two operations: twice that.": (weights + scores) / 2,
            "The scores and the weighted sum are missing: 2·T·d operations each, per layer.": weights,
            "Only one of scores and weighted sum is counted: both cost 2·T·d per layer.": weights + scores / 2,
            "That is one layer. Multiply by n_layers.": (weights + scores) / n,
            "That is the whole sequence. Divide by T.": (weights + scores) * T,
            "T is not used: the scores are counted for config.context_length tokens, as if the context were full.": weights
            + n * 4 * config.context_length * d,
            "The heads do not multiply the cost: each works on d_head features only.": weights
            + scores * config.n_heads,
            "Scores and sum are counted for one head. All n_heads take part.": weights + scores / config.n_heads,
            "Scores and sum are counted for the queries of all T tokens. One token has one query.": weights
            + scores * T,
            "The output layer is counted. Only the blocks are asked.": weights + scores + 2 * d * config.vocab_size,
            "The attention's output map, attn.out, is missing: 2·d² operations per layer.": weights
            + scores
            - n * 2 * d * d,
            "A weight takes a multiplication *and* an addition, as scores do: the products with weights are twice "
            "that.": weights / 2 + scores,
            "Only one map of the feed-forward network is counted. It has two, up and down.": weights
            + scores
            - n * 2 * d * config.d_ff,
            "Use config.d_ff: the network is not always four times as wide as the stream.": n * 2 * 12 * d * d + scores,
        }.items():
            if math.isclose(given, wrong, rel_tol=1e-9):
                raise Wrong(message)
        raise Wrong(
            f"For d_model={d}, n_layers={n}, T={T} it is {weights + scores:,}, got {given:,.0f}. Per layer, "
            "count the products with weights (no biases), the scores, and the weighted sum of the values, one by one."
        )
