// The table from a question's word to what answers it: the same questions as in views/*.py, the same answers.
// An answer is { meta, buffers }; one that cannot be given throws a sentence.
import { sharesOf, takenLengths } from "./attribution.mjs";
import { floats, pack, packAll, thumbnailOf } from "./bytes.mjs";
import { answerEdgeEffects, answerPartEffects, answerStreamEffects } from "./effects.mjs";
import { attentionMap, attentionRow, readOut, vectorAt, softmax, unembed } from "./gpt2.mjs";
import { drawn, largest, nextProbabilities, topIndices } from "./sampling.mjs";

const [MOST_NEXT, MOST_LENS, MOST_NEURONS, MOST_WORDS] = [12, 5, 16, 4];
const STATISTICS = ["resid_pre", "attn", "ffn", "resid_post", "attn_along", "ffn_along", "cosine", "ln_1_mean", "ln_1_std", "ln_2_mean", "ln_2_std"];
const TINY = 1e-12;

// word: [what the numbers are, (screen, ...numbers) -> { meta, buffers }]. A screen is { runs, label, base, other, counts }; a
// summarised run (scene.mjs) stands in `runs`; for the last three see engine.mjs.
const ANSWERS = {
  map: [["run", "layer", "head"], (screen, run, layer, head) => {
    const { T, blocks, triangular } = screen.runs[run];
    return { meta: { triangular }, buffers: [pack(attentionMap(blocks[layer], T, head), T, triangular)] };
  }],
  row: [["run", "layer", "head", "token"], (screen, run, layer, head, token) => {
    const { T, blocks } = screen.runs[run];
    return { meta: {}, buffers: [floats(attentionRow(blocks[layer], T, head, token).weights)] };
  }],
  taken: [["run", "layer"], answerTaken],
  scores: [["run", "layer", "head", "token"], answerScores],
  stream: [["run", "token"], answerStream],
  neurons: [["run", "layer", "token"], answerNeurons],
  lens: [["run", "token"], answerLens],
  attribution: [["run", "token", ""], answerAttribution],
  parteffects: [["", "", "", "", "", ""], answerPartEffects],
  streameffects: [["", "", "", "", ""], answerStreamEffects],
  edgeeffects: [["", "", "", "", "", "", ""], answerEdgeEffects],
  next: [["token", "", "", ""], answerNext],
  draw: [["token", "", "", "", ""], answerDraw],
};

export function answerOf(screen, question) {
  const [word, ...numbers] = question.split("/");
  const [names, answer] = ANSWERS[word] ?? [];
  if (!answer) throw new Error("The engine of this page does not compute that. Open the explorer in a notebook to see it.");
  const run = names[0] === "run" ? screen.runs[numbers[0]] : screen.runs[screen.runs.length - 1];
  const ends = { run: screen.runs.length, layer: run?.blocks.length, head: run?.blocks[0].heads, token: run?.T, "": Infinity };
  if (numbers.length !== names.length || numbers.some((number, i) => !/^\d+$/.test(number) || !(Number(number) < ends[names[i]]))) {
    throw new Error(`unknown question '${question}'`);
  }
  return answer(screen, ...numbers.map(Number));
}

function noNaN(values, what) {
  if (values.some(Number.isNaN)) throw new Error(`the ${what} are nan here: the model's weights hold nan, or numbers grew too large`);
  return values;
}

export function logitsAfter(run, token) {
  return readOut(run.model, vectorAt(run.final, run.T, token), 1);
}

function answerScores(screen, at, layer, head, token) {
  const { T, blocks } = screen.runs[at];
  const block = blocks[layer];
  const { q, raw, scores, weights, seen } = attentionRow(block, T, head, token);
  noNaN(weights, "attention weights");
  const d = block.qkv.length / T / 3;
  const keys = Array.from({ length: T }, (_, j) => block.qkv.subarray((3 * j + 1) * d + head * q.length).subarray(0, q.length));
  const scale = raw.some((value) => value !== 0) ? block.scale : null;
  const parts = [q, keys.flatMap((key) => Array.from(key)), raw, scores, raw.map((_, j) => (j < seen ? 1 : 0)), weights];
  return { meta: { d_head: q.length, scale }, buffers: parts.map(floats) };
}

function length(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

// One row per layer, one column per entry of STATISTICS.
function answerStream(screen, at, token) {
  const { T, blocks, final } = screen.runs[at];
  const end = vectorAt(final, T, token);
  const reach = Math.max(TINY, length(end));
  const direction = end.map((value) => value / reach);
  const values = blocks.flatMap((block, layer) => {
    const next = blocks[layer + 1]?.residPre ?? final; // with what a patch put there
    const [before, attn, ffn, after] = [block.residPre, block.attn, block.ffn, next].map((x) => vectorAt(x, T, token));
    return [
      length(before), length(attn), length(ffn), length(after),
      dot(attn, direction), dot(ffn, direction), dot(after, direction) / Math.max(TINY, length(after)),
      block.ln1.mean[token], block.ln1.std[token], block.ln2.mean[token], block.ln2.std[token],
    ];
  });
  return { meta: { names: STATISTICS, layers: blocks.length }, buffers: [floats(values)] };
}

function answerNeurons(screen, at, layer, token) {
  const { T, blocks, model } = screen.runs[at];
  const [pre, post] = [blocks[layer].pre, blocks[layer].post].map((x) => vectorAt(x, T, token));
  noNaN(post, "neurons");
  const top = topIndices(post.map(Math.abs), MOST_NEURONS);
  const down = model.weights[`blocks.${layer}.ffn.down.weight`]; // (d_model, d_ff)
  const { d_model: d, vocab_size } = model.config;
  const vectors = new Float64Array(top.length * d); // what each neuron writes, with the sign of its activation
  top.forEach((neuron, n) => {
    for (let i = 0; i < d; i++) vectors[n * d + i] = down[i * post.length + neuron] * (post[neuron] >= 0 ? 1 : -1);
  });
  const raised = unembed(model, vectors, top.length);
  const words = top.map((_, n) => ({ up: topIndices(vectorAt(raised, top.length, n), Math.min(MOST_WORDS, Math.floor(vocab_size / 2))).map(screen.label) }));
  const meta = { neurons: top, d_ff: post.length, active: post.filter((value) => value > 0).length, words };
  return { meta, buffers: [top.map((i) => pre[i]), top.map((i) => post[i]), post.slice().sort()].map(floats) };
}

// What the model would say if it stopped after 0, 1, … blocks.
function answerLens(screen, at, token) {
  const run = screen.runs[at];
  const stream = [...run.blocks.map((block) => block.residPre), run.final].map((x) => vectorAt(x, run.T, token));
  const all = readOut(run.model, Float64Array.from(stream.flatMap((x) => Array.from(x))), stream.length);
  const logits = stream.map((_, i) => vectorAt(all, stream.length, i));
  const answer = largest(logits[logits.length - 1]);
  const p = logits.map((row) => noNaN(softmax(row), "probabilities"));
  const top = p.map((row) => topIndices(row, MOST_LENS));
  const meta = {
    answer: screen.label(answer),
    ranks: logits.map((row) => row.filter((logit) => logit > row[answer]).length + 1),
    vocab_size: logits[0].length,
    labels: top.map((row) => row.map(screen.label)),
    final: top.map((row) => row.map((id) => id === answer)),
  };
  return { meta, buffers: [floats(top.flatMap((row, i) => row.map((id) => p[i][id]))), floats(p.map((row) => row[answer]))] };
}

// Weight times length of what is taken: small maps of shares of the layer's largest product, and the lengths.
function answerTaken(screen, at, layer) {
  const { T, blocks, triangular } = screen.runs[at];
  const lengths = takenLengths(screen.runs[at], layer);
  const products = lengths.map((own, head) => attentionMap(blocks[layer], T, head).map((weight, i) => weight * own[i % T]));
  const most = Math.max(...products.map((map) => noNaN(map, "lengths of what is taken").reduce((a, b) => Math.max(a, b), 0)));
  const small = products.map((map) => thumbnailOf(map.map((value) => value / (most || 1)), T));
  return { meta: { most }, buffers: [packAll(small, triangular), floats(lengths.flatMap((own) => Array.from(own)))] };
}

// What each part adds to a token's logit, in the order of studies/attribution.py.
function answerAttribution(screen, at, position, token) {
  const run = screen.runs[at];
  const logits = noNaN(logitsAfter(run, position), "logits");
  if (token >= logits.length) throw new Error(`this model has no token ${token}`);
  return { meta: { logit: logits[token], heads: run.shape }, buffers: [floats(sharesOf(run, position, token))] };
}

// The numbers are thousandths of the temperature, top-k, and thousandths of top-p.
function answerNext(screen, token, temperature, topK, topP) {
  const logits = screen.runs.map((run) => logitsAfter(run, token));
  const before = logits.map((row) => noNaN(softmax(row), "probabilities"));
  const after = logits.map((row) => nextProbabilities(row, temperature / 1000, topK, topP / 1000));
  const chosen = [...new Set(before.flatMap((p) => topIndices(p, MOST_NEXT)))];
  const of = (values, id) => values.map((row) => row[id]);
  const meta = {
    rows: chosen.map((id) => ({ label: screen.label(id), id, logit: of(logits, id), p: of(before, id), sampled: of(after, id) })),
    kept: after.map((p) => p.filter((share) => Math.fround(share) > 0).length),
    entropy: before.map((p) => -p.reduce((sum, share) => sum + share * Math.log(Math.max(share, 1e-30)), 0)),
    vocab_size: logits[0].length,
  };
  return { meta, buffers: [] };
}

function answerDraw(screen, token, temperature, topK, topP, millionths) {
  const logits = logitsAfter(screen.runs[screen.runs.length - 1], token);
  return { meta: { id: drawn(nextProbabilities(logits, temperature / 1000, topK, topP / 1000), millionths / 1e6) }, buffers: [] };
}
