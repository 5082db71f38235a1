// GPT-2 on one text, with every value that a view shows. Weights are float32, sums are float64.
// The same equations as gpt2lab/block.py; a matrix is a flat array, row after row.

const GELU = Math.sqrt(2 / Math.PI);
const ACTIVATIONS = {
  gelu: (x) => 0.5 * x * (1 + Math.tanh(GELU * (x + 0.044715 * x * x * x))),
  relu: (x) => Math.max(0, x),
};

// x (T, n) times the transpose of weight (m, n), plus bias: (T, m). Tiles of four rows by two columns: each number that
// is read serves several products.
export function linear(x, T, weight, bias) {
  const n = x.length / T;
  const m = weight.length / n;
  const out = new Float64Array(T * m);
  for (let t = 0; t < T; t += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => Math.min(t + i, T - 1)); // the last row again, where there is none
    const [xa, xb, xc, xd] = [a, b, c, d].map((row) => x.subarray(row * n, (row + 1) * n));
    for (let o = 0; o < m; o += 2) {
      const p = Math.min(o + 1, m - 1);
      const wo = weight.subarray(o * n, (o + 1) * n);
      const wp = weight.subarray(p * n, (p + 1) * n);
      const [eo, ep] = bias ? [bias[o], bias[p]] : [0, 0];
      let ao = eo, bo = eo, co = eo, dO = eo, ap = ep, bp = ep, cp = ep, dp = ep;
      for (let i = 0; i < n; i++) {
        const u = wo[i], v = wp[i], ya = xa[i], yb = xb[i], yc = xc[i], yd = xd[i];
        ao += u * ya; bo += u * yb; co += u * yc; dO += u * yd;
        ap += v * ya; bp += v * yb; cp += v * yc; dp += v * yd;
      }
      out[a * m + o] = ao; out[b * m + o] = bo; out[c * m + o] = co; out[d * m + o] = dO;
      out[a * m + p] = ap; out[b * m + p] = bp; out[c * m + p] = cp; out[d * m + p] = dp;
    }
  }
  return out;
}

// Each row to mean 0 and variance 1, times gain, plus offset: { mean, std, out }.
export function layerNorm(x, T, gain, offset, eps) {
  const d = x.length / T;
  const [mean, std, out] = [new Float64Array(T), new Float64Array(T), new Float64Array(x.length)];
  for (let t = 0; t < T; t++) {
    let sum = 0;
    for (let i = 0; i < d; i++) sum += x[t * d + i];
    mean[t] = sum / d;
    let squares = 0;
    for (let i = 0; i < d; i++) squares += (x[t * d + i] - mean[t]) * (x[t * d + i] - mean[t]);
    std[t] = Math.sqrt(squares / d + eps);
    for (let i = 0; i < d; i++) out[t * d + i] = ((x[t * d + i] - mean[t]) / std[t]) * gain[i] + offset[i];
  }
  return { mean, std, out };
}

export function softmax(scores) {
  let top = -Infinity;
  for (let i = 0; i < scores.length; i++) if (scores[i] > top) top = scores[i];
  const weights = new Float64Array(scores.length);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    weights[i] = Math.exp(scores[i] - top);
    sum += weights[i];
  }
  for (let i = 0; i < scores.length; i++) weights[i] /= sum;
  return weights;
}

export const added = (a, b) => a.map((value, i) => value + b[i]);

// One run. `parts` says what is off (see parts.mjs); `watch(layer, head, map)` sees every attention map (T, T),
// in an array that is used again for the next one: of a long text all maps would not fit into memory.
export function runModel(model, ids, parts, watch = () => {}) {
  const T = ids.length;
  const { d_model: d } = model.config;
  const [tokens, positions] = [model.weights["token_embedding.weight"], model.weights["position_embedding.weight"]];
  const first = new Float64Array(T * d);
  ids.forEach((id, t) => {
    for (let i = 0; i < d; i++) first[t * d + i] = tokens[id * d + i] + (parts.positions ? 0 : positions[t * d + i]);
  });
  const run = { model, ids, T, parts, blocks: [] };
  let x = first;
  model.blocks.forEach((shape, layer) => {
    const block = runBlock(run, layer, shape, x, watch);
    run.blocks.push(block);
    x = block.residPost;
  });
  run.final = x;
  return run;
}

function runBlock(run, layer, shape, x, watch) {
  const { T, parts, model } = run;
  const of = (name) => model.weights[`blocks.${layer}.${name}`];
  const eps = model.config.layer_norm_eps;
  const ln1 = layerNorm(x, T, of("ln_1.weight"), of("ln_1.bias"), eps);
  const block = { ...shape, causal: shape.causal && !parts.mask, residPre: x, ln1, qkv: linear(ln1.out, T, of("attn.qkv.weight"), of("attn.qkv.bias")) };
  const heads = attend(block, T, parts.heads.filter((one) => one.layer === layer), (head, map) => watch(layer, head, map));
  const nothing = () => new Float64Array(x.length);
  block.attn = parts.attention.includes(layer) ? nothing() : linear(heads, T, of("attn.out.weight"), of("attn.out.bias"));
  block.residMid = added(x, block.attn);
  block.ln2 = layerNorm(block.residMid, T, of("ln_2.weight"), of("ln_2.bias"), eps);
  block.pre = linear(block.ln2.out, T, of("ffn.up.weight"), of("ffn.up.bias"));
  block.post = block.pre.map(ACTIVATIONS[shape.activation]);
  block.ffn = parts.ffn.includes(layer) ? nothing() : linear(block.post, T, of("ffn.down.weight"), of("ffn.down.bias"));
  block.residPost = added(block.residMid, block.ffn);
  return block;
}

// What the heads of a layer compute, side by side: (T, d_model), zero for a head that is off.
function attend(block, T, off, watch) {
  const d = block.qkv.length / T / 3;
  const size = d / block.heads;
  const out = new Float64Array(T * d);
  const map = new Float64Array(T * T);
  for (let head = 0; head < block.heads; head++) {
    const silent = off.some((one) => one.head === head);
    for (let t = 0; t < T; t++) {
      const { weights } = attentionRow(block, T, head, t);
      map.set(weights, t * T);
      if (silent) continue;
      for (let j = 0; j < (block.causal ? t + 1 : T); j++) {
        const value = (3 * j + 2) * d + head * size;
        for (let i = 0; i < size; i++) out[t * d + head * size + i] += weights[j] * block.qkv[value + i];
      }
    }
    watch(head, map);
  }
  return out;
}

// One query of one head: q (d_head,), raw and scaled scores of all keys, and its weights: (T,) each.
export function attentionRow(block, T, head, t) {
  const d = block.qkv.length / T / 3;
  const size = d / block.heads;
  const query = 3 * t * d + head * size;
  const raw = new Float64Array(T);
  for (let j = 0; j < T; j++) {
    const key = (3 * j + 1) * d + head * size;
    let dot = 0;
    for (let i = 0; i < size; i++) dot += block.qkv[query + i] * block.qkv[key + i];
    raw[j] = dot;
  }
  const scores = raw.map((score) => score * block.scale);
  const seen = block.causal ? t + 1 : T;
  const weights = new Float64Array(T);
  weights.set(softmax(scores.subarray(0, seen)));
  return { q: block.qkv.subarray(query, query + size), raw, scores, weights, seen };
}

// The whole map of a head again: (T, T).
export function attentionMap(block, T, head) {
  const map = new Float64Array(T * T);
  for (let t = 0; t < T; t++) map.set(attentionRow(block, T, head, t).weights, t * T);
  return map;
}

// Each vector of x (n, d_model) compared with every token's: (n, vocab_size).
export function unembed(model, x, n) {
  return linear(x, n, model.weights["token_embedding.weight"], null);
}

// Logits of vectors of the stream (n, d_model): through the final layer norm and the output layer.
export function readOut(model, x, n) {
  const { weights, config } = model;
  return unembed(model, layerNorm(x, n, weights["ln_f.weight"], weights["ln_f.bias"], config.layer_norm_eps).out, n);
}

export function vectorAt(x, T, t) {
  const d = x.length / T;
  return x.subarray(t * d, (t + 1) * d);
}
