import { asBytes, asFloats, packedRow, weightOf } from "./packing.mjs";
import { smallMap } from "./thumbnail.mjs";
import { amount, number } from "./words.mjs";

const selected = (store) => [store.get("layer"), store.get("head")];
const mapOf = (run, [layer, head]) => `map/${run}/${layer}/${head}`;
const rowOf = (run, [layer, head], row) => `row/${run}/${layer}/${head}/${row}`;
const MANY_ROWS = 64; // more rows than this are not asked for: their mean comes from the map
const MANY_WEIGHTS = 400_000; // more than this are not asked for ahead

// The map of a head, [layer, head], in one run: { bytes, triangular, run, place }, null while it is on its way.
export function headMap(store, run, place = selected(store)) {
  const answer = store.ask(mapOf(run, place));
  if (!answer || answer.error) return answer;
  return { bytes: asBytes(answer.buffers[0]), triangular: answer.meta.triangular, run, place };
}

// The same, but only if it is here already, by itself or as a small picture of the whole: this causes no traffic.
export function headMapAtHand(store, run, place = selected(store)) {
  const map = store.has(mapOf(run, place)) ? headMap(store, run, place) : null;
  if (map) return map.error ? null : map;
  const { size, triangular } = store.scene().runs[run];
  const bytes = size === store.T() ? smallMap(store, run, ...place) : null;
  return bytes && { bytes, triangular, run, place };
}

// The weights of one query, all T of them, as a map shows them: exact enough for colours and widths.
export function rowWeights(map, row, T) {
  const codes = packedRow(map.bytes, row, T, map.triangular);
  return Array.from({ length: T }, (_, i) => (i < codes.length ? weightOf(codes[i]) : 0));
}

// Ask for the exact weights of the chosen queries.
export function askRows(store, run, place = selected(store)) {
  for (const row of store.span().slice(0, MANY_ROWS)) store.ask(rowOf(run, place, row));
}

function numbersOf(store, map, row) {
  const question = rowOf(map.run, map.place, row);
  const answer = store.has(question) ? store.ask(question) : null;
  const exact = Boolean(answer && !answer.error);
  const shares = exact ? Array.from(asFloats(answer.buffers[0])) : rowWeights(map, row, store.T());
  return { exact, values: map.most ? shares.map((share, i) => share * (exact ? map.lengths[i] : map.most)) : shares };
}

// The weights of a query, of several their mean, as numbers to be written: { weights, write }. Until the exact
// rows are here, or where a page has not recorded them, they come from the map and are written with ≈.
export function exactRow(store, map, rows) {
  const found = [rows].flat().map((row) => numbersOf(store, map, row));
  const exact = found.every((one) => one.exact);
  const values = found[0].values.map((_, i) => found.reduce((sum, one) => sum + one.values[i], 0) / found.length);
  const most = map.most ?? 1;
  return {
    weights: values.map((value) => (Number.isFinite(value) ? value / most : 0)), // nan is drawn as 0, as in the map
    write: (i) => (exact ? "" : "≈ ") + (map.most ? number : amount)(values[i]),
  };
}

// The key of the selection: the chosen one, or where this query looks most (the first, if all are nan).
export function chosenKey(store, weights) {
  const key = store.get("key");
  return key >= 0 && key < weights.length ? key : Math.max(0, weights.indexOf(Math.max(...weights)));
}

// Ask ahead for the likely next clicks: the other heads of this layer, the same head in the layers around
// it, and the tokens beside the selected one.
export function askAround(store) {
  const [run, T, token, layer, head] = [store.last(), store.T(), store.token(), store.get("layer"), store.get("head")];
  for (const row of [token - 1, token + 1]) if (row >= 0 && row < T) store.ask(rowOf(run, [layer, head], row));
  const size = store.scene().runs[run].triangular ? (T * (T + 1)) / 2 : T * T;
  if (size * store.heads(layer) > MANY_WEIGHTS) return;
  const places = Array.from({ length: store.heads(layer) }, (_, other) => [layer, other]);
  for (const other of [layer - 1, layer + 1]) {
    if (other >= 0 && other < store.layers() && head < store.heads(other)) places.push([other, head]);
  }
  for (const [l, h] of places) {
    store.ask(`map/${run}/${l}/${h}`);
    store.ask(`row/${run}/${l}/${h}/${token}`);
  }
}
