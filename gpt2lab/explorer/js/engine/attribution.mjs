// What each part adds to the logit of a token, or to its lead over a second; see attribution.py.
import { attentionRow, vectorAt } from "./gpt2.mjs";

// What every part writes at a position: [name, (d_model,)], in the order of attribution.py.
function written(run, t) {
  const { model, T, ids, blocks, parts } = run;
  const { d_model: d } = model.config;
  const embedding = vectorAt(model.weights["token_embedding.weight"], model.config.vocab_size, ids[t]);
  const found = [["token", embedding], ["position", vectorAt(blocks[0].residPre, T, t).map((value, i) => value - embedding[i])]];
  blocks.forEach((block, layer) => {
    const weight = model.weights[`blocks.${layer}.attn.out.weight`];
    const away = parts.attention.includes(layer);
    const size = d / block.heads;
    for (let head = 0; head < block.heads; head++) {
      const vector = new Float64Array(d);
      if (!away && !parts.heads.some((one) => one.layer === layer && one.head === head)) {
        const { weights, seen } = attentionRow(block, T, head, t);
        const blend = new Float64Array(size);
        for (let j = 0; j < seen; j++) for (let i = 0; i < size; i++) blend[i] += weights[j] * block.qkv[(3 * j + 2) * d + head * size + i];
        for (let o = 0; o < d; o++) for (let i = 0; i < size; i++) vector[o] += weight[o * d + head * size + i] * blend[i];
      }
      found.push([`head ${layer}.${head}`, vector]);
    }
    found.push([`attention ${layer}`, away ? new Float64Array(d) : Float64Array.from(model.weights[`blocks.${layer}.attn.out.bias`])]);
    found.push([`ffn ${layer}`, vectorAt(block.ffn, T, t)]);
  });
  return found;
}

// { names, values }: what each part adds to the logit of `first`, minus that of `second` unless it is null.
export function sharesOf(run, t, first, second) {
  const { weights, config } = run.model;
  const { d_model: d, layer_norm_eps: eps, vocab_size } = config;
  const mean = (x) => x.reduce((sum, value) => sum + value, 0) / d;
  const final = vectorAt(run.final, run.T, t);
  const middle = mean(final);
  const std = Math.sqrt(final.reduce((sum, value) => sum + (value - middle) ** 2, 0) / d + eps);
  const of = (id) => vectorAt(weights["token_embedding.weight"], vocab_size, id);
  const direction = Float64Array.from(of(first), (value, i) => value - (second === null ? 0 : of(second)[i]));
  const parts = written(run, t);
  const values = parts.map(([, part]) => {
    const own = mean(part);
    return part.reduce((sum, value, i) => sum + ((value - own) / std) * weights["ln_f.weight"][i] * direction[i], 0);
  });
  const offset = direction.reduce((sum, value, i) => sum + value * weights["ln_f.bias"][i], 0);
  return { names: [...parts.map(([name]) => name), "final norm"], values: [...values, offset] };
}
