// Direct logit attribution; the counterpart of studies/attribution.py.
import { vectorAt } from "./gpt2.mjs";

// How long the vector is that each head of a layer takes from each position at full weight: n_heads arrays (T,).
export function takenLengths(run, layer) {
  const { model, T, blocks } = run;
  const { d_model: d } = model.config;
  const { heads, qkv } = blocks[layer];
  const size = d / heads;
  const out = model.weights[`blocks.${layer}.attn.out.weight`];
  return Array.from({ length: heads }, (_, head) => Float64Array.from({ length: T }, (__, j) => {
    let squares = 0;
    for (let o = 0; o < d; o++) {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += out[o * d + head * size + i] * qkv[(3 * j + 2) * d + head * size + i];
      squares += sum * sum;
    }
    return Math.sqrt(squares);
  }));
}

// What a head writes at a position, without the bias of the output: (d_model,).
function writtenBy({ model, T, parts, blocks }, layer, head, t) {
  const { d_model: d } = model.config;
  const vector = new Float64Array(d);
  if (parts.attention.includes(layer)) return vector;
  const size = d / blocks[layer].heads;
  const mixed = vectorAt(blocks[layer].mixed, T, t);
  const out = model.weights[`blocks.${layer}.attn.out.weight`];
  for (let o = 0; o < d; o++) {
    for (let i = 0; i < size; i++) vector[o] += out[o * d + head * size + i] * mixed[head * size + i];
  }
  return vector;
}

// What each part adds to the logit of a token after position t: token, position, patches of the stream, each layer's
// heads, bias of attention, feed-forward network and its bias, and the final norm's bias.
export function sharesOf(run, t, token) {
  const { model, T, ids, blocks, parts } = run;
  const { weights, config } = model;
  const { d_model: d, layer_norm_eps: eps, vocab_size } = config;
  const mean = (x) => x.reduce((sum, value) => sum + value, 0) / d;
  const final = vectorAt(run.final, T, t);
  const middle = mean(final);
  const std = Math.sqrt(final.reduce((sum, value) => sum + (value - middle) ** 2, 0) / d + eps);
  const embedding = (id) => vectorAt(weights["token_embedding.weight"], vocab_size, id);
  const [vector, gain, nothing] = [embedding(token), weights["ln_f.weight"], new Float64Array(d)];
  const push = (part) => {
    const own = mean(part);
    return part.reduce((sum, value, i) => sum + ((value - own) / std) * gain[i] * vector[i], 0);
  };
  const minus = (a, b) => Float64Array.from(a, (value, i) => value - b[i]);
  const standing = embedding(ids[t]);
  const layers = blocks.flatMap((block, layer) => {
    const bias = (name, off) => (off ? nothing : weights[`blocks.${layer}.${name}.bias`]);
    const [attn, down] = [bias("attn.out", parts.attention.includes(layer)), bias("ffn.down", parts.ffn.includes(layer))];
    const heads = Array.from({ length: block.heads }, (_, head) => push(writtenBy(run, layer, head, t)));
    return [...heads, push(attn), push(minus(vectorAt(block.ffn, T, t), down)), push(down)];
  });
  const embedded = vectorAt(run.embedded, T, t);
  const below = [embedded, ...blocks.map((block) => vectorAt(block.residPost, T, t))];
  const patched = blocks.reduce((sum, block, layer) => sum + push(minus(vectorAt(block.residPre, T, t), below[layer])), 0);
  const offset = vector.reduce((sum, value, i) => sum + value * weights["ln_f.bias"][i], 0);
  return [push(standing), push(minus(embedded, standing)), patched, ...layers, offset];
}
