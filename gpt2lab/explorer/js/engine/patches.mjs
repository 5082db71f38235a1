// What is put into a run, from the words of `patched`; the counterpart of studies/patch_words.py and studies/patching.py.
import { attentionRow } from "./gpt2.mjs";

const PATCH = /^(edge (\d+)\.(\d+) (\d+)>(\d+)|head (\d+)\.(\d+) (\d+|all)|(?:ffn|stream) (\d+) (\d+|all)) (zero|mean|other)$/;
const PATCHES = 'expected "edge 1.3 14>7 zero", "head 1.3 14 mean", "ffn 1 14 other" or "stream 1 all other"';

// The words for a model with so many heads per layer: [{ kind, layer, head, position, key, source, place, word }], of two for
// one place the later. A position that is null stands for all.
export function readPatches(words, shape) {
  const byPlace = new Map();
  for (const word of words) {
    const found = PATCH.exec(word);
    if (!found) throw new Error(`${PATCHES}, got '${word}'`);
    const [, place, e, eh, query, key, h, hh, hp, p, pp, source] = found;
    const [layer, head, at] = [Number(e ?? h ?? p), Number(eh ?? hh ?? 0), query ?? hp ?? pp];
    if (layer >= shape.length) throw new Error(`'${word}' names layer ${layer}, but the last layer is ${shape.length - 1}`);
    if (head >= shape[layer]) throw new Error(`'${word}' names head ${head}, but the last head is ${shape[layer] - 1}`);
    byPlace.delete(place);
    byPlace.set(place, { kind: place.split(" ")[0], layer, head, position: at === "all" ? null : Number(at), key: key === undefined ? null : Number(key), source, place, word });
  }
  return [...byPlace.values()];
}

export function checkPlaces(patches, T) {
  for (const { word, position, key } of patches) {
    for (const t of [position, key]) {
      if (t !== null && t >= T) throw new Error(`'${word}' names position ${t}, but the last position is ${T - 1}`);
    }
  }
}

// Patches with their values, from unpatched runs on this sentence and on the other one: value(t) is what stands at t.
export function withValues(patches, own, other) {
  return patches.map((patch) => ({ ...patch, value: valuesOf(patch, patch.source === "other" ? other : own) }));
}

function valuesOf({ kind, layer, head, position, key, source }, run) {
  const { T, model: { config: { d_model: d } } } = run;
  const block = run.blocks[layer];
  const small = d / block.heads;
  // Where the vectors stand: an array, the start of the first one, the way to the next, and the numbers of each.
  const [x, start, step, size] = {
    edge: [block.qkv, 2 * d + head * small, 3 * d, small],
    head: [block.mixed, head * small, d, small],
    ffn: [block.ffn, 0, d, d],
    stream: [block.residPre, 0, d, d],
  }[kind];
  const vector = (t) => x.subarray(start + t * step, start + t * step + size);
  if (source === "zero") return () => new Float64Array(size);
  const weight = kind === "edge" ? attentionRow(block, T, head, position).weights[key] : 1;
  if (source === "other") return (t) => vector(kind === "edge" ? key : t).map((number) => weight * number);
  const mean = new Float64Array(size);
  for (let t = 0; t < T; t++) vector(t).forEach((number, i) => { mean[i] += (weight * number) / T; });
  return () => mean;
}
