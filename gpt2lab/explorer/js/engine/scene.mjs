// What the page gets after every run, so that it can show a first picture without asking; the counterpart of scene.py.
import { nextQuestion } from "../store.mjs";
import { answerOf } from "./answers.mjs";
import { isTriangular, packAll, thumbnailOf } from "./bytes.mjs";
import { runModel } from "./gpt2.mjs";
import { partsOff } from "./parts.mjs";
import { bestRole, roleScores, roleTargets } from "./roles.mjs";
import { called, whyNoOther } from "./sentences.mjs";

// A run with what the scene tells of it: triangular, shape, roles and thumbnails of all heads. `how`: see runModel.
export function summarisedRun(model, ids, ablated, how = {}) {
  const T = ids.length;
  const targets = roleTargets(ids);
  const seen = model.blocks.map((_, layer) => (layer < (how.layer ?? 0) ? how.like.seen[layer] : []));
  const watch = (layer, head, map) => {
    seen[layer][head] = { thumbnail: thumbnailOf(map, T), scores: roleScores(targets, map, T), triangular: isTriangular(map, T) };
  };
  const run = runModel(model, ids, partsOff(ablated), { ...how, watch });
  const causal = seen.map((heads) => heads.every((head) => head.triangular));
  run.seen = seen;
  run.triangular = causal.every(Boolean);
  run.shape = model.blocks.map((block) => block.heads);
  run.roles = seen.map((heads, layer) => heads.map((head) => bestRole(targets, head.scores, T, causal[layer])));
  run.thumbnails = seen.flat().map((head) => head.thumbnail);
  return run;
}

export function sceneOf(screen, { rev, text, note, state }) {
  const run = screen.runs[screen.runs.length - 1];
  const { ids } = screen.runs[0];
  const second = screen.sentences ? run.ids : null;
  return {
    rev, text, note, hint: "",
    labels: ids.map(screen.label),
    labels_b: second?.map(screen.label) ?? null,
    ids,
    context: run.model.config.context_length,
    names: state._names ?? (second ? called(ids, second, screen.label) : ["before", "after"]),
    can: { change: true, mask: run.model.blocks.some((block) => block.causal), patch: true, second: true, next: true, write: true, ffn: true, stream: true, lens: true,
      files: false }, // CSV and code are Python's
    shape: run.shape,
    grid: run.shape,
    model: signature(run.shape, run.model.config.vocab_size),
    off: state.ablated,
    patched: state.patched,
    other: whyNoOther(screen.counts),
    layers: run.shape.map((_, layer) => `layer ${layer}`),
    fills: false,
    d_model: run.model.config.d_model,
    runs: screen.runs.map(runForPage),
    first: firstAnswers(screen, state),
  };
}

// What tells models apart in a link; see links.py.
function signature(shape, vocabSize) {
  const heads = new Set(shape).size === 1 ? `${shape.length}x${shape[0]}` : shape.join(".");
  return `${heads}-${vocabSize}`;
}

function runForPage({ shape, triangular, roles, thumbnails }) {
  return { shape, triangular, roles, size: thumbnails[0].size, thumbnails: packAll(thumbnails, triangular) };
}

function firstAnswers(screen, { layer, head, token, temperature, top_k, top_p }) {
  const place = `${screen.runs.length - 1}/${layer}/${head}`;
  const questions = [`map/${place}`, `row/${place}/${token}`, nextQuestion(token, temperature, top_k, top_p)];
  return Object.fromEntries(questions.flatMap((question) => {
    try { return [[question, answerOf(screen, question)]]; } catch { return []; }
  }));
}
