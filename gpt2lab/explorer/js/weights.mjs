import { asBytes, asFloats, packedRow, weightOf } from "./packing.mjs";
import { amount, number } from "./words.mjs";

const mapOf = (store, run) => `map/${run}/${store.get("layer")}/${store.get("head")}`;
const rowOf = (store, run, row) => `row/${run}/${store.get("layer")}/${store.get("head")}/${row}`;
const MANY_WEIGHTS = 400_000; // more than this are not asked for ahead

// The map of the selected head in one run: { bytes, triangular, run }, null while it is on its way.
export function headMap(store, run) {
  const answer = store.ask(mapOf(store, run));
  if (!answer || answer.error) return answer;
  return { bytes: asBytes(answer.buffers[0]), triangular: answer.meta.triangular, run };
}

// The same, but only if it is here already: this causes no traffic.
export function headMapAtHand(store, run) {
  const map = store.has(mapOf(store, run)) ? headMap(store, run) : null;
  return map?.error ? null : map;
}

// The weights of one query, all T of them, as a map shows them: exact enough for colours and widths.
export function rowWeights(map, row, T) {
  const codes = packedRow(map.bytes, row, T, map.triangular);
  return Array.from({ length: T }, (_, i) => (i < codes.length ? weightOf(codes[i]) : 0));
}

// Ask for the exact weights of one query.
export function askRow(store, run, row) {
  store.ask(rowOf(store, run, row));
}

// The weights of one query as numbers to be written: { weights, write }. Until the exact row is here, or
// where a page has not recorded it, they come from the map and are written with ≈.
export function exactRow(store, map, row) {
  const question = rowOf(store, map.run, row);
  const answer = store.has(question) ? store.ask(question) : null;
  if (!answer || answer.error) {
    const weights = rowWeights(map, row, store.T());
    return { weights, write: (i) => `≈ ${map.most ? number(weights[i] * map.most) : amount(weights[i])}` };
  }
  const exact = Array.from(asFloats(answer.buffers[0]));
  if (map.most) {
    const products = exact.map((weight, i) => weight * map.lengths[i]);
    return { weights: products.map((value) => (Number.isFinite(value) ? value / map.most : 0)), write: (i) => number(products[i]) };
  }
  const weights = exact.map((weight) => (Number.isFinite(weight) ? weight : 0)); // nan is drawn as 0, as in the map
  return { weights, write: (i) => amount(exact[i]) };
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
  for (const row of [token - 1, token + 1]) if (row >= 0 && row < T) askRow(store, run, row);
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
