// What matters here: what one patch does to the logit of a token; the counterpart of studies/patching.py.
import { SOURCES } from "../patches.mjs";
import { floats } from "./bytes.mjs";
import { readOut, runModel, vectorAt } from "./gpt2.mjs";
import { withValues } from "./patches.mjs";
import { whyNoOther } from "./sentences.mjs";


// What a question about effects has in common with the others: source, position, token and against, as numbers.
function asked({ base, other, counts }, source, position, token, against) {
  const { T, model: { config } } = base;
  if (source >= SOURCES.length) throw new Error(`there is no source ${source}`);
  const theirs = counts[0] === counts[1] ? other : null;
  if (SOURCES[source] === "other" && !theirs) throw new Error(whyNoOther(counts));
  if (position >= T) throw new Error(`there is no position ${position}`);
  for (const id of [token, against]) if (id >= config.vocab_size) throw new Error(`this model has no token ${id}`);
  // The logit, minus that of another token.
  const margin = (run) => {
    const logits = readOut(run.model, vectorAt(run.final, run.T, position), 1);
    return token === against ? logits[token] : logits[token] - logits[against];
  };
  const before = margin(base);
  const effect = (patch) => changed(base, theirs, { ...patch, source: SOURCES[source] }, position, margin) - before;
  const meta = { before: Math.fround(before), other: theirs ? Math.fround(margin(theirs)) : null };
  return { T, effect: (patch) => (isOff(base, patch) ? 0 : effect(patch)), meta };
}

// The margin after one patch. Only what it can reach is computed: its block and those above, its position and later
// ones, up to the one that is asked about.
function changed(base, other, patch, position, margin) {
  const causal = base.blocks.every((block) => block.causal);
  if (causal && patch.position > position) return margin(base);
  const ids = causal ? base.ids.slice(0, position + 1) : base.ids;
  const rows = causal ? patch.position ?? 0 : 0;
  return margin(runModel(base.model, ids, base.parts, { patches: withValues([patch], base, other), like: base, layer: patch.layer, rows }));
}

function isOff({ parts }, { kind, layer, head }) {
  if (kind === "ffn") return parts.ffn.includes(layer);
  return kind !== "stream" && (parts.attention.includes(layer) || parts.heads.some((one) => one.layer === layer && one.head === head));
}

function needLayer({ base: { blocks } }, layer, head = 0) {
  if (layer >= blocks.length) throw new Error(`this model has no layer ${layer}`);
  if (head >= blocks[layer].heads) throw new Error(`this model has no head ${head} in layer ${layer}`);
}

// Of every head of a layer and of its feed-forward network, at all positions (at = 0) or at one (at - 1).
export function answerPartEffects(screen, source, position, token, against, at, layer) {
  const { T, effect, meta } = asked(screen, source, position, token, against);
  needLayer(screen, layer);
  if (at > T) throw new Error(`there is no position ${at - 1}`);
  const where = { layer, position: at ? at - 1 : null, key: null };
  const heads = Array.from({ length: screen.base.blocks[layer].heads }, (_, head) => effect({ kind: "head", head, ...where }));
  return { meta, buffers: [floats([...heads, effect({ kind: "ffn", head: 0, ...where })])] };
}

// Of the stream that enters a layer, at each position.
export function answerStreamEffects(screen, source, position, token, against, layer) {
  const { T, effect, meta } = asked(screen, source, position, token, against);
  needLayer(screen, layer);
  return { meta, buffers: [floats(Array.from({ length: T }, (_, t) => effect({ kind: "stream", layer, head: 0, position: t, key: null })))] };
}

// Of each key of a query in a head; those that the query may not see have none.
export function answerEdgeEffects(screen, source, position, token, against, layer, head, query) {
  const { T, effect, meta } = asked(screen, source, position, token, against);
  needLayer(screen, layer, head);
  if (query >= T) throw new Error(`there is no position ${query}`);
  const seen = screen.base.blocks[layer].causal ? query + 1 : T;
  return { meta, buffers: [floats(Array.from({ length: T }, (_, key) => (key < seen ? effect({ kind: "edge", layer, head, position: query, key }) : 0)))] };
}
