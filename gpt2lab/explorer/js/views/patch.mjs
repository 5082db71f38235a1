import { amountScale, css, hiddenColour } from "../colour.mjs";
import { button, choice, h, say, set } from "../dom.mjs";
import { note } from "../figure.mjs";
import { windowAround } from "../layout.mjs";
import { createLegend } from "../legend.mjs";
import { asFloats } from "../packing.mjs";
import { patch, placeOf, SOURCES, sourceOf, told } from "../patches.mjs";
import { patchMap } from "../patchmap.mjs";
import { headMap, rowWeights } from "../weights.mjs";
import { clip, number } from "../words.mjs";

export const patchView = { label: "Patch", create: createPatch,
  about: "Press a cell: another value is put there, and the prediction above shows what becomes of it." };

const MOST_PLACES = 12; // in the sorted list
const MOST_EDGES = 60; // rows and columns of the map of edges

function createPatch(store) {
  const problem = h("div");
  const facts = h("p", { class: "g2x-hint" });
  const readout = h("p", { class: "g2x-readout", role: "status" });
  const from = choice("Take from", [["other", "other sentence"], ["zero", "zero"], ["mean", "mean"]], (value) => { store.patchFrom = value; again(); });
  const at = choice("Heads and networks", [["token", "at the chosen token"], ["all", "at all positions"]], (value) => { store.patchAll = value === "all"; again(); });
  const pickers = ["Logit of", "minus that of"].map((label, i) => {
    const select = h("select", { onchange: () => { pair[i] = select.value; again(); } });
    return { select, root: h("label", { class: "g2x-field" }, h("span", { text: label }), select) };
  });
  const matters = button("What matters here?", () => { running = running === "places" ? "" : "places"; again(); });
  const edges = button("Edges of this head", () => { running = running === "edges" ? "" : "edges"; again(); });
  const progress = h("progress", { max: 1, "aria-label": "Patches measured" });
  const counted = h("span", { class: "g2x-hint" });
  const [parts, stream, map] = [patchMap(store, readout), patchMap(store, readout), patchMap(store, readout)];
  const legend = createLegend(store);
  const list = h("ol", { class: "g2x-list", "aria-label": "What matters most" });
  const body = h("div", { class: "g2x-row g2x-wide" }, h("div", { class: "g2x-column" }, parts.root, stream.root), map.root, h("div", { class: "g2x-column" }, legend.root, list));
  const controls = h("div", { class: "g2x-row g2x-tools" }, matters, edges, progress, counted, h("span", { class: "g2x-field" }, h("span", { text: "from" }), from.root), at.root, pickers.map((one) => one.root));
  const root = h("div", { class: "g2x-view" }, controls, problem, readout, body, facts);
  const found = new Map(); // question -> floats: patches on screen change none of them
  let running = "";
  let scene = { rev: null };
  let about = ""; // what the pair of tokens was chosen for
  let pair = ["", ""];

  const again = () => store.changed("selection");

  // Answers are of the sentence with nothing patched: they go when anything but the patches changed.
  function forget() {
    const next = store.scene();
    if (next.rev === scene.rev) return;
    const of = (one) => JSON.stringify([one.ids, one.off, one.other, one.text_b]);
    if (of(next) !== of(scene) || String(next.patched) === String(scene.patched) || said !== store.get("text_b")) {
      found.clear();
      running = "";
    }
    said = store.get("text_b");
    scene = next;
  }
  let said = "";

  function tokens(rows) {
    const key = JSON.stringify([store.scene().ids, store.get("text_b"), store.token()]);
    const best = (run) => [...rows].sort((a, b) => b.p[run] - a.p[run]);
    const ids = rows.map((row) => String(row.id));
    if (about !== key || !pair.every((id) => id === "" || ids.includes(id))) {
      const [first, next] = best(0);
      const other = best(store.last())[0];
      pair = (other.id === first.id ? [first.id, next?.id ?? ""] : [other.id, first.id]).map(String);
      about = key;
    }
    pickers.forEach(({ select }, i) => {
      const options = [...(i ? [["", "no other token"]] : []), ...best(0).map((row) => [String(row.id), row.label])];
      if (select.dataset.key !== JSON.stringify(options)) {
        select.dataset.key = JSON.stringify(options);
        select.replaceChildren(...options.map(([id, name]) => h("option", { value: id, text: clip(name, 24) })));
      }
      select.value = pair[i];
    });
    const name = (id) => `‘${clip(rows.find((row) => String(row.id) === id)?.label ?? id, 12)}’`;
    return [pair[0], pair[1] || pair[0], pair[1] && pair[1] !== pair[0] ? `${name(pair[0])} − ${name(pair[1])}` : name(pair[0])];
  }

  // The next question that is not answered; a question at a time, so that it can be stopped.
  function ask(questions) {
    const open = questions.filter((question) => !found.has(question));
    for (const question of open) {
      if (!store.has(question)) continue;
      const answer = store.ask(question);
      if (answer.error) return fail(answer.error);
      found.set(question, asFloats(answer.buffers[0]));
    }
    const left = questions.filter((question) => !found.has(question));
    if (running && left.length) store.ask(left[0]);
    if (!left.length) running = "";
    progress.max = questions.length;
    progress.value = questions.length - left.length;
    return true;
  }

  function fail(sentence) {
    running = "";
    problem.replaceChildren(note(sentence));
    return true;
  }

  function draw() {
    forget();
    const { can, other } = store.scene();
    body.hidden = controls.hidden = !can.patch || !can.next;
    problem.replaceChildren();
    if (body.hidden) return fail(store.get("_recorded") ? "This page is a recording: open the explorer in a notebook to patch." : "This model cannot be patched: it is not built from gpt2lab’s blocks.");
    const next = store.next(store.token());
    if (!next) return false;
    if (next.error) return fail(next.error);
    const k = store.scale();
    const T = store.T();
    const source = sourceOf(store);
    from.show(source);
    const [elsewhere] = from.root.children;
    elsewhere.disabled = Boolean(other);
    set(elsewhere, { title: other });
    at.show(store.patchAll ? "all" : "token");
    const [token, against, what] = tokens(next.meta.rows);
    const common = `${SOURCES.indexOf(source)}/${store.token()}/${token}/${against}`;
    const layers = Array.from({ length: store.layers() }, (_, i) => i);
    const [layer, head] = [store.get("layer"), store.get("head")];
    const place = store.patchAll ? "all" : store.token();
    const ofParts = (l) => `parteffects/${common}/${store.patchAll ? 0 : store.token() + 1}/${l}`;
    const ofStream = (l) => `streameffects/${common}/${l}`;
    const ofEdges = (query) => `edgeeffects/${common}/${layer}/${head}/${query}`;
    const queries = Array.from({ length: T }, (_, i) => i).filter((query) => query <= store.token() || !store.scene().runs[0].triangular);
    const places = layers.flatMap((l) => [ofParts(l), ofStream(l)]);
    const was = running;
    ask(running === "edges" ? queries.map(ofEdges) : places);
    const labels = store.labels(0);
    const most = Math.max(0, ...[...places, ...queries.map(ofEdges)].flatMap((question) => Array.from(found.get(question) ?? [], Math.abs))) || 1;
    say(matters, running === "places" ? "Stop" : "What matters here?");
    say(edges, running === "edges" ? "Stop" : `Edges of head ${layer}.${head}`);
    edges.disabled = head >= store.parts(layer);
    progress.hidden = counted.hidden = !(running || was);
    say(counted, `${progress.value} of ${progress.max}`);

    const font = 12 * k;
    const heads = Math.max(...store.scene().shape);
    const names = layers.map((l) => `block ${l}`);
    const line = (layers.length > 8 ? 20 : 25) * k;
    const tile = () => css(hiddenColour(store.theme));
    const partOf = (l, i) => (i < heads ? i : store.scene().shape[l]);
    const shared = { most, font, left: 66 * k, plain: tile };
    parts.draw({ ...shared, title: `Parts, ${store.patchAll ? "all positions" : `at ‘${clip(labels[store.token()], 10)}’`}`, rows: names, numbers: true, top: 22 * k, line,
      columns: [...Array.from({ length: heads }, (_, i) => (heads > 10 ? `h ${i}` : `head ${i}`)), "FFN"], each: Math.min(64 * k, Math.max(46 * k, (store.width * 0.36) / (heads + 1))),
      word: (l, i) => (i < heads && i >= store.scene().shape[l] ? "" : `${i < heads ? `head ${l}.${i}` : `ffn ${l}`} ${place} ${source}`),
      value: (l, i) => found.get(ofParts(l))?.[partOf(l, i)] });
    const room = store.width - 90 * k;
    const top = Math.round(Math.min(9, Math.max(...labels.map((label) => Array.from(label).length))) * font * 0.66 + 10);
    // Of a long text the places around the chosen token; the list is of all of them.
    const near = windowAround(store.token(), T, Math.max(1, Math.floor(room / (9 * k))));
    const part = (of) => (of.length < T ? `, tokens ${of[0]} to ${of[of.length - 1]} of ${T}` : "");
    stream.draw({ ...shared, title: `The stream, as it enters each block${part(near)}`, rows: names, columns: near.map((t) => labels[t]), upright: true, top, line, each: Math.max(9 * k, Math.min(19 * k, room / T)),
      word: (l, i) => `stream ${l} ${near[i]} ${source}`, value: (l, i) => found.get(ofStream(l))?.[near[i]] });
    const usual = headMap(store, 0);
    map.root.hidden = head >= store.parts(layer) || !usual || Boolean(usual.error);
    if (!map.root.hidden) {
      const here = windowAround(store.token(), T, MOST_EDGES);
      const rows = here.map((query) => rowWeights(usual, query, T));
      const cell = Math.min(20 * k, Math.min(340 * k, store.width - 100 * k) / here.length);
      map.draw({ ...shared, title: `Edges of head ${layer}.${head}: rows look, columns are looked at${part(here)}`, rows: here.map((query, i) => (i % Math.ceil(font / cell) ? "" : labels[query])), columns: here.map((key) => labels[key]), upright: true, top, line: cell, each: cell, left: 84 * k,
        word: (i, j) => (usual.triangular && j > i ? "" : `edge ${layer}.${head} ${here[i]}>${here[j]} ${source}`),
        plain: (i, j) => css(amountScale(store.theme)[Math.round(255 * Math.sqrt(rows[i][here[j]]))]),
        value: (i, j) => found.get(ofEdges(here[i]))?.[here[j]] });
    }
    const done = places.some((question) => found.has(question)) || queries.some((query) => found.has(ofEdges(query)));
    legend.root.hidden = list.hidden = !done;
    if (done) legend.draw(true, false, most, `effect on ${what}, 1 = ${number(most)}`);
    sorted();
    say(facts, `Each cell: what that one patch, alone, does to ${what} after ‘${clip(labels[store.token()], 12)}’, nothing else patched. Not a share: effects do not add up, and where another part stands in, one without effect may matter. Mean: over all ${T} positions; an edge keeps its weight and takes the mean value.`);
    return true;

    function sorted() {
      const all = [];
      const add = (question, word) => found.get(question)?.forEach((value, i) => { if (value) all.push([word(i), value]); });
      for (const l of layers) {
        add(ofParts(l), (i) => `${i < store.scene().shape[l] ? `head ${l}.${i}` : `ffn ${l}`} ${place} ${source}`);
        add(ofStream(l), (t) => `stream ${l} ${t} ${source}`);
      }
      for (const query of queries) add(ofEdges(query), (key) => `edge ${layer}.${head} ${query}>${key} ${source}`);
      all.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
      const key = JSON.stringify([all.slice(0, MOST_PLACES), store.get("patched")]);
      if (list.dataset.key === key) return;
      list.dataset.key = key;
      list.replaceChildren(...all.slice(0, MOST_PLACES).map(([word, value]) => h("li", {}, button(`${value > 0 ? "+" : ""}${number(value)}  ${told(placeOf(word), labels)}`, () => patch(store, word), { class: "g2x-small", "aria-pressed": String(store.get("patched").includes(word)) }))));
    }
  }

  return { root, draw, figures: () => [parts.figure, stream.figure, map.figure, legend.figure] };
}
