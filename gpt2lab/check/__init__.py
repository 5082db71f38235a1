"""Checks for the exercises: hand over your function, and read what is right or wrong about it.

    from gpt2lab import check
    check.layer_norm(my_layer_norm)

Each check calls the function with several inputs and returns a CheckResult. While the function is
still as the exercise shipped it (``...``), the result reads "not done yet".

    primer              cosines(fn)                  fn(table, x) -> (n,), the cosine of x with each row
                        nudge(fn)                    fn(loss, w, size) -> gradient, one nudge per weight
                        descend(fn)                  fn(loss, w, learning_rate, steps) -> the weights afterwards
    first chapters      shapes(fn)                   fn(B, T, d_model, n_heads, vocab_size) -> dict of shapes
                        embed(fn)                    fn(tokens, token_table, position_table) -> x
                        unembed(fn)                  fn(x, token_table) -> logits
                        softmax(fn)                  fn(scores) -> weights over the last axis
                        next_token(fn)               fn(logits) -> (B,) most probable next token
                        forward(fn)                  fn(parts, tokens) -> logits, the whole model from its parts
    residual stream     residual(fn)                 fn(x, f) -> x + f(x)
                        block(fn)                    fn(x, attn, ffn, ln_1, ln_2), one pre-LN block
                        residual_scale(fn)           fn(n_layers) -> 1/√(2·n_layers)
                        gradient(fn)                 fn(slopes, residual) -> derivative through a chain of parts
    layer norm          token_statistics(fn)         fn(x) -> (mean, variance) per token
                        layer_norm(fn)               fn(x, weight, bias, eps) -> normalised x
                        rms_norm(fn)                 fn(x, weight, eps)
                        pre_ln(fn), post_ln(fn)      fn(x, f, ln)
    attention           attention_scores(fn)         fn(q, k) -> scaled scores
                        attention(fn)                fn(q, k, v, mask) -> (out, attn_weights); True = may attend
                        split_heads(fn)              fn(x, n_heads) -> (B, n_heads, T, d_head)
                        merge_heads(fn)              fn(x) -> (B, T, d_model)
                        multi_head_attention(fn)     fn(x, w_q, w_k, w_v, w_o, n_heads), causal, x @ w
    masks               causal_mask(fn)              fn(T_query, T_key) -> bool, True = may attend
                        masked_softmax(fn)           fn(scores, mask) -> weights, zeros where nothing is visible
                        left_padding_mask(fn)        fn(lengths, T) -> (B, 1, T, T), causal, padding on the left
                        leaks(fn)                    fn(model, tokens, vocab_size) -> bool
    tokens, positions   bpe_pair(fn)                 fn(words: dict of tuples to counts) -> pair
                        sinusoidal(fn)               fn(length, d_model) -> table, sin and cos alternating
                        rope(fn)                     fn(x, positions) -> rotated x, neighbours paired
                        rotate(fn)                   fn(q, k, v, positions, base) -> (q, k, v) for attention with RoPE
                        rope_lab(fn)                 fn() -> TrainConfig with which RoPE learns; or the TrainConfig
                        alibi_bias(fn)               fn(n_heads, T) -> (n_heads, T, T)
    feed-forward        gelu(fn)                     fn(x), tanh form
                        feed_forward(fn)             fn(x, W_up, b_up, W_down, b_down), as in nn.Linear
                        dropout(fn)                  fn(x, p, training)
                        block_parameters(fn)         fn(d_model) -> int
    whole model         parameter_count(fn)          fn(config) -> int
                        from_weights(fn)             fn(weights, tokens, n_layers, n_heads) -> logits
                        first_loss(fn)               fn(vocab_size) -> nats
                        flops_per_token(fn)          fn(config, T) -> operations of the blocks
    generation, loss    next_token_loss(fn)          fn(logits, tokens) -> mean cross-entropy, shifted by one
                        temperature(fn)              fn(logits, temperature) -> probabilities
                        top_k(fn), top_p(fn)         fn(logits, k), fn(logits, p) -> probabilities
                        greedy(fn)                   fn(model, tokens, n) -> (B, T + n)
                        kv_cache_bytes(fn)           fn(config, T, bytes_per_number) -> bytes
                        cached_step(fn)              fn(x, position_table, keys, values, w_q, w_k, w_v)
                                                     -> (out, keys, values), one head, one new token
    looking inside      induction_score(fn)          fn(weights, tokens) -> mean weight behind the latest earlier copy
                        patched_attention(fn)        fn(model, tokens, donor, layer, position) -> logits
                        experiment(fn)               fn() -> dict: prediction, intervention, control, verdict
    training            perplexity(fn)               fn(losses in nats) -> number
                        learning_rate(fn)            fn(step, steps, peak, warmup) -> number, warm-up + cosine to 0
                        clip(fn)                     fn(gradients, limit) -> list, one norm over all
                        adamw(fn)                    fn(theta, gradient, m, v, t, lr, betas, eps, decay)
                                                     -> (theta, m, v)
                        training_loop(fn)            fn(model, optimizer, batches) -> losses, one step per batch
    metrics             f1(fn)                       fn(tp, fp, fn) -> number
                        pairs_won(fn)                fn(positive scores, negative scores) -> number
                        clipped_precision(fn)        fn(candidate, reference, n) -> number
    the whole by hand   by_hand(fn, fn, fn, fn, fn)  five functions, see check/by_hand.py
    relatives           cross_attention(fn)          fn(x, memory, w_q, w_k, w_v, source_mask) -> (out, attn_weights)
                        decoder_layer(fn)            fn(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3)
                        last_real(fn)                fn(hidden, mask) -> (B, d_model), of the last real token
    judging             dropout_test(fn)             fn(dropout) -> bool: whether dropout(x, p, training) is right
                        layer_norm_test(fn)          fn(norm) -> bool: whether norm(x) is layer norm
                        refutation(fn)               fn(seed) -> dict: statement, forbids, measured, control
    the lab             steps_to(fn)                 fn(eval_steps, letters, share) -> (seeds,) first step, or inf
                        best_rate(fn)                fn(rates, scores) -> the rate with the best mean

The files are named like the components, and what belongs together:

    primer         cosines, nudge, descend
    shapes         shapes
    model          embed, unembed, next_token
    forward        forward
    residual       residual, block, residual_scale, gradient
    layernorm      token_statistics, layer_norm
    norm_variants  rms_norm, pre_ln, post_ln
    scores         softmax, attention_scores
    attention      attention
    heads          split_heads, merge_heads, multi_head_attention
    masking        causal_mask, masked_softmax, left_padding_mask
    leaks          leaks
    positions      bpe_pair, sinusoidal, alibi_bias
    rotation       rope, rotate
    rope_lab       rope_lab
    feedforward    gelu, feed_forward
    dropout        dropout
    weights        from_weights
    counts         block_parameters, parameter_count, flops_per_token
    sampling       temperature, top_k, top_p
    generation     greedy
    cache          kv_cache_bytes, cached_step
    inside         induction_score, patched_attention
    experiment     experiment
    loss           next_token_loss, first_loss, perplexity
    optimizer      learning_rate, clip, adamw
    training       training_loop
    family         cross_attention, decoder_layer, last_real
    lab_table      steps_to, best_rate
    judging        dropout_test, layer_norm_test, refutation
    by_hand        by_hand
    metrics        f1, pairs_won, clipped_precision
    base           a check's result, and how a learner's result is judged
    learner        calling a learner's function
    reading        what can be read off it, and off its errors
    sandbox        so that it can disturb nothing
    patience       and so that it ends
    axes           errors about shapes, in terms of axes
"""

from gpt2lab.check.attention import attention
from gpt2lab.check.base import NOT_DONE, CheckResult
from gpt2lab.check.by_hand import by_hand
from gpt2lab.check.cache import cached_step, kv_cache_bytes
from gpt2lab.check.counts import block_parameters, flops_per_token, parameter_count
from gpt2lab.check.dropout import dropout
from gpt2lab.check.experiment import experiment
from gpt2lab.check.family import cross_attention, decoder_layer, last_real
from gpt2lab.check.feedforward import feed_forward, gelu
from gpt2lab.check.forward import forward
from gpt2lab.check.generation import greedy
from gpt2lab.check.heads import merge_heads, multi_head_attention, split_heads
from gpt2lab.check.inside import induction_score, patched_attention
from gpt2lab.check.judging import dropout_test, layer_norm_test, refutation
from gpt2lab.check.lab_table import best_rate, steps_to
from gpt2lab.check.layernorm import layer_norm, token_statistics
from gpt2lab.check.leaks import leaks
from gpt2lab.check.loss import first_loss, next_token_loss, perplexity
from gpt2lab.check.masking import causal_mask, left_padding_mask, masked_softmax
from gpt2lab.check.metrics import clipped_precision, f1, pairs_won
from gpt2lab.check.model import embed, next_token, unembed
from gpt2lab.check.norm_variants import post_ln, pre_ln, rms_norm
from gpt2lab.check.optimizer import adamw, clip, learning_rate
from gpt2lab.check.positions import alibi_bias, bpe_pair, sinusoidal
from gpt2lab.check.primer import cosines, descend, nudge
from gpt2lab.check.residual import block, gradient, residual, residual_scale
from gpt2lab.check.rope_lab import rope_lab
from gpt2lab.check.rotation import rope, rotate
from gpt2lab.check.sampling import temperature, top_k, top_p
from gpt2lab.check.scores import attention_scores, softmax
from gpt2lab.check.shapes import shapes
from gpt2lab.check.training import training_loop
from gpt2lab.check.weights import from_weights

__all__ = [
    "NOT_DONE",
    "CheckResult",
    "adamw",
    "alibi_bias",
    "attention",
    "attention_scores",
    "best_rate",
    "block",
    "block_parameters",
    "bpe_pair",
    "by_hand",
    "cached_step",
    "causal_mask",
    "clip",
    "clipped_precision",
    "cosines",
    "cross_attention",
    "decoder_layer",
    "descend",
    "dropout",
    "dropout_test",
    "embed",
    "experiment",
    "f1",
    "feed_forward",
    "forward",
    "first_loss",
    "flops_per_token",
    "from_weights",
    "gelu",
    "gradient",
    "greedy",
    "induction_score",
    "kv_cache_bytes",
    "last_real",
    "layer_norm",
    "layer_norm_test",
    "learning_rate",
    "leaks",
    "left_padding_mask",
    "masked_softmax",
    "merge_heads",
    "multi_head_attention",
    "next_token",
    "next_token_loss",
    "nudge",
    "pairs_won",
    "parameter_count",
    "patched_attention",
    "perplexity",
    "post_ln",
    "pre_ln",
    "refutation",
    "residual",
    "residual_scale",
    "rms_norm",
    "rope",
    "rope_lab",
    "rotate",
    "shapes",
    "sinusoidal",
    "softmax",
    "steps_to",
    "split_heads",
    "temperature",
    "token_statistics",
    "top_k",
    "top_p",
    "training_loop",
    "unembed",
]
