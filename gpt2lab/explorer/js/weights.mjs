import { asBytes, packedRow, weightOf } from "./packing.mjs";

// The map of the selected head in one run: { bytes, triangular }, null while it is on its way.
export function headMap(store, run) {
  const answer = store.ask(`map/${run}/${store.get("layer")}/${store.get("head")}`);
  if (!answer || answer.error) return answer;
  return { bytes: asBytes(answer.buffers[0]), triangular: answer.meta.triangular };
}

// The weights of one query, all T of them.
export function rowWeights(map, row, T) {
  const codes = packedRow(map.bytes, row, T, map.triangular);
  return Array.from({ length: T }, (_, i) => (i < codes.length ? weightOf(codes[i]) : 0));
}

// The key of the selection: the chosen one, or where this query looks most.
export function chosenKey(store, weights) {
  const key = store.get("key");
  return key >= 0 && key < weights.length ? key : weights.indexOf(Math.max(...weights));
}
