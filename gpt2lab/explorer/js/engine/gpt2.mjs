// GPT-2 on one text, with every value that a view shows. Weights are float32, sums are float64.
// The same equations as gpt2lab/block.py; a matrix is a flat array, row after row.

const GELU = Math.sqrt(2 / Math.PI);
const ACTIVATIONS = {
  gelu: (x) => x / (1 + Math.exp(-2 * GELU * (x + 0.044715 * x * x * x))), // 0.5 (1 + tanh u) is 1 / (1 + exp(-2u))
  relu: (x) => Math.max(0, x),
};

// x (T, n) times the transpose of weight (m, n), plus bias, into out (T, m). Tiles of four rows by three columns: each
// number that is read serves several products. At an edge a tile takes the last row or column again.
export function linear(x, T, weight, bias, out = new Float64Array((T * T * weight.length) / x.length)) {
  const [n, m] = [x.length / T, out.length / T];
  for (let t = 0; t < T; t += 4) {
    const a = t, b = Math.min(t + 1, T - 1), c = Math.min(t + 2, T - 1), d = Math.min(t + 3, T - 1);
    const xa = a * n, xb = b * n, xc = c * n, xd = d * n;
    for (let o = 0; o < m; o += 3) {
      const p = Math.min(o + 1, m - 1), q = Math.min(o + 2, m - 1);
      const wo = o * n, wp = p * n, wq = q * n;
      let ao = 0, bo = 0, co = 0, dO = 0, ap = 0, bp = 0, cp = 0, dp = 0, aq = 0, bq = 0, cq = 0, dq = 0;
      for (let i = 0; i < n; i++) {
        const u = weight[wo + i], v = weight[wp + i], w = weight[wq + i];
        const ya = x[xa + i], yb = x[xb + i], yc = x[xc + i], yd = x[xd + i];
        ao += u * ya; bo += u * yb; co += u * yc; dO += u * yd;
        ap += v * ya; bp += v * yb; cp += v * yc; dp += v * yd;
        aq += w * ya; bq += w * yb; cq += w * yc; dq += w * yd;
      }
      const eo = bias ? bias[o] : 0, ep = bias ? bias[p] : 0, eq = bias ? bias[q] : 0;
      out[a * m + o] = ao + eo; out[b * m + o] = bo + eo; out[c * m + o] = co + eo; out[d * m + o] = dO + eo;
      out[a * m + p] = ap + ep; out[b * m + p] = bp + ep; out[c * m + p] = cp + ep; out[d * m + p] = dp + ep;
      out[a * m + q] = aq + eq; out[b * m + q] = bq + eq; out[c * m + q] = cq + eq; out[d * m + q] = dq + eq;
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
  const weights = Float64Array.from(scores);
  softmaxOf(weights, 0, weights.length, 1);
  return weights;
}

// The same in place, of `n` scores from `start` on, each times `scale`.
function softmaxOf(scores, start, n, scale) {
  let [top, sum] = [-Infinity, 0];
  for (let i = start; i < start + n; i++) top = Math.max(top, scores[i] * scale);
  for (let i = start; i < start + n; i++) {
    scores[i] = Math.exp(scores[i] * scale - top);
    sum += scores[i];
  }
  for (let i = start; i < start + n; i++) scores[i] /= sum;
}

export function added(a, b) {
  const sum = new Float64Array(a.length);
  for (let i = 0; i < sum.length; i++) sum[i] = a[i] + b[i];
  return sum;
}

// One run. `parts` says what is off (see parts.mjs), `patches` what is put in (see patches.mjs); `watch(layer, head, map)`
// sees every attention map (T, T), in an array that is used again for the next one: of a long text all maps would not fit
// into memory. `like` is another run that agrees with this one below `layer`, and in its first `rows` positions.
export function runModel(model, ids, parts, { watch = null, patches = [], like = null, layer: start = 0, rows = 0 } = {}) {
  const T = ids.length;
  const { d_model: d } = model.config;
  const [tokens, positions] = [model.weights["token_embedding.weight"], model.weights["position_embedding.weight"]];
  const embedded = new Float64Array(T * d);
  ids.forEach((id, t) => {
    for (let i = 0; i < d; i++) embedded[t * d + i] = tokens[id * d + i] + (parts.positions ? 0 : positions[t * d + i]);
  });
  const run = { model, ids, T, parts, patches, rows, embedded, blocks: start ? like.blocks.slice(0, start) : [] };
  let x = start ? like.blocks[start].residPre.subarray(0, T * d) : embedded;
  model.blocks.slice(start).forEach((shape, i) => {
    const block = runBlock(run, start + i, shape, x, watch, rows ? like.blocks[start + i] : {});
    run.blocks.push(block);
    x = block.residPost;
  });
  run.final = x;
  return run;
}

// How many positions, from the first on, are as in another run: none where a position reads later ones.
export function rowsInCommon(ids, like) {
  if (!like?.blocks.every((block) => block.causal)) return 0;
  const differs = ids.findIndex((id, t) => id !== like.ids[t]);
  return differs < 0 ? ids.length : differs;
}

function runBlock(run, layer, shape, input, watch, old) {
  const { T, parts, model, rows } = run;
  const here = run.patches.filter((patch) => patch.layer === layer);
  const of = (name) => model.weights[`blocks.${layer}.${name}`];
  const norm = (name, x) => layerNorm(x, T, of(`${name}.weight`), of(`${name}.bias`), model.config.layer_norm_eps);
  // Row by row, as before in the first `rows`.
  const rowwise = (width, before, compute) => {
    const out = new Float64Array(T * width);
    if (rows) out.set(before.subarray(0, rows * width));
    if (rows < T) compute(out.subarray(rows * width));
    return out;
  };
  const project = (name, x, before) => {
    const bias = of(`${name}.bias`);
    return rowwise(bias.length, before, (out) => linear(x.subarray((rows * x.length) / T), T - rows, of(`${name}.weight`), bias, out));
  };
  const nothing = () => new Float64Array(input.length);
  const x = putIn(here.some((patch) => patch.kind === "stream") ? input.slice() : input, T, here, "stream");
  const ln1 = norm("ln_1", x);
  const block = { ...shape, causal: shape.causal && !parts.mask, residPre: x, ln1, qkv: project("attn.qkv", ln1.out, old.qkv) };
  block.mixed = attend(block, T, parts.heads.filter((one) => one.layer === layer), here, watch ? 0 : rows, (head, map) => watch?.(layer, head, map));
  block.attn = parts.attention.includes(layer) ? nothing() : project("attn.out", block.mixed, old.attn);
  block.residMid = added(x, block.attn);
  block.ln2 = norm("ln_2", block.residMid);
  block.pre = project("ffn.up", block.ln2.out, old.pre);
  const activation = ACTIVATIONS[shape.activation];
  block.post = rowwise(block.pre.length / T, old.post, (out) => {
    const from = block.pre.length - out.length;
    for (let i = 0; i < out.length; i++) out[i] = activation(block.pre[from + i]);
  });
  block.ffn = parts.ffn.includes(layer) ? nothing() : putIn(project("ffn.down", block.post, old.ffn), T, here, "ffn");
  block.residPost = added(block.residMid, block.ffn);
  return block;
}

// Vectors (T, d_model) with the patches of a kind in their places; those of heads begin at the head's own numbers.
function putIn(x, T, patches, kind, start = () => 0) {
  for (const patch of patches.filter((one) => one.kind === kind)) {
    const [from, end] = patch.position === null ? [0, T] : [patch.position, patch.position + 1];
    for (let t = from; t < end; t++) x.set(patch.value(t), (t * x.length) / T + start(patch));
  }
  return x;
}

// What the heads of a layer compute, side by side: (T, d_model), zero for a head that is off. Rows before `from` are left out.
function attend(block, T, off, patches, from, watch) {
  const d = block.qkv.length / T / 3;
  const size = d / block.heads;
  const out = new Float64Array(T * d);
  const map = new Float64Array(T * T);
  const silent = (head) => off.some((one) => one.head === head);
  for (let head = 0; head < block.heads; head++) {
    for (let t = from; t < T; t++) {
      const seen = block.causal ? t + 1 : T;
      products(block, T, head, t, map, t * T, seen);
      softmaxOf(map, t * T, seen, block.scale);
      if (!silent(head)) blend(block, T, head, map, t, seen, out);
    }
    for (const { position, key, value } of silent(head) ? [] : patches.filter((one) => one.kind === "edge" && one.head === head)) {
      const [to, taken, weight] = [position * d + head * size, (3 * key + 2) * d + head * size, map[position * T + key]];
      value(position).forEach((number, i) => { out[to + i] += number - weight * block.qkv[taken + i]; });
    }
    watch(head, map);
  }
  return putIn(out, T, patches.filter((one) => !silent(one.head)), "head", (patch) => patch.head * size);
}

// q·k of one query and its first n keys, into out from `at` on.
function products(block, T, head, t, out, at, n) {
  const { qkv } = block;
  const d = qkv.length / T / 3;
  const size = d / block.heads;
  const query = 3 * t * d + head * size;
  for (let j = 0; j < n; j++) {
    const key = (3 * j + 1) * d + head * size;
    let dot = 0;
    for (let i = 0; i < size; i++) dot += qkv[query + i] * qkv[key + i];
    out[at + j] = dot;
  }
}

// The values of the first n keys, each times its weight in row t of the map, added to what the head has in out (T, d_model).
function blend(block, T, head, map, t, n, out) {
  const { qkv } = block;
  const d = qkv.length / T / 3;
  const size = d / block.heads;
  const to = t * d + head * size;
  for (let j = 0; j < n; j++) {
    const weight = map[t * T + j];
    const value = (3 * j + 2) * d + head * size;
    for (let i = 0; i < size; i++) out[to + i] += weight * qkv[value + i];
  }
}

// One query of one head: q (d_head,), raw and scaled scores of all keys, and its weights: (T,) each.
export function attentionRow(block, T, head, t) {
  const d = block.qkv.length / T / 3;
  const size = d / block.heads;
  const query = 3 * t * d + head * size;
  const raw = new Float64Array(T);
  products(block, T, head, t, raw, 0, T);
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
