import { h } from "./dom.mjs";
import { asBytes, asFloats, packedIndex, packedSize, weightOf } from "./packing.mjs";

// Value-weighted maps: weight × length of what is taken, in shares of the largest, so that they are coded as weights are.

const coded = (share) => Math.round(255 * Math.sqrt(share));

// The switch between weights and weight × length, the same for all maps.
export function takenSwitch(store) {
  const input = h("input", { type: "checkbox", onchange: () => store.set({ weighted: input.checked }) });
  return {
    root: h("label", { class: "g2x-check", title: "A weight says how much is taken of a vector, not how long that vector is." }, input, h("span", { text: "× length taken" })),
    draw: () => { input.checked = store.get("weighted"); },
  };
}

// Maps of heads with the lengths in: { bytes, most, lengths, … }, on one scale. null while on its way.
export function takenMaps(store, maps) {
  if (!store.get("weighted") || maps.some((map) => !map || map.error)) return maps;
  const T = store.T();
  const found = maps.map((map) => store.ask(`taken/${map.run}/${map.place[0]}`));
  if (found.includes(null)) return found;
  const broken = found.find((answer) => answer.error);
  if (broken) return maps.map(() => broken);
  const lengths = found.map(({ buffers }, i) => asFloats(buffers[1]).subarray(maps[i].place[1] * T, (maps[i].place[1] + 1) * T));
  const products = maps.map((map, i) => multiplied(map, lengths[i], T));
  const most = Math.max(...products.map((values) => values.reduce((a, b) => Math.max(a, b), 0))) || 1;
  return maps.map((map, i) => ({ ...map, most, lengths: lengths[i], bytes: Uint8Array.from(products[i], (value) => coded(value / most)) }));
}

function multiplied({ bytes, triangular }, lengths, T) {
  const values = new Float32Array(bytes.length);
  for (let row = 0; row < T; row++) {
    for (let key = 0; key < (triangular ? row + 1 : T); key++) {
      const at = packedIndex(row, key, T, triangular);
      values[at] = weightOf(bytes[at]) * lengths[key];
    }
  }
  return values;
}

// The small pictures of all heads of all runs on one scale: { most, of(run, layer, head) }, { error } or null.
export function takenThumbnails(store) {
  const runs = store.scene().runs;
  const found = runs.map(({ shape }, run) => shape.map((_, layer) => store.ask(`taken/${run}/${layer}`)));
  const all = found.flat();
  if (all.includes(null)) return null;
  const broken = all.find((answer) => answer.error);
  if (broken) return broken;
  const most = Math.max(...all.map((answer) => answer.meta.most)) || 1;
  return {
    most,
    of(run, layer, head) {
      const { meta, buffers } = found[run][layer];
      const length = packedSize(runs[run].size, runs[run].triangular);
      const shade = Math.sqrt(meta.most / most);
      return asBytes(buffers[0]).subarray(head * length, (head + 1) * length).map((code) => Math.round(code * shade));
    },
  };
}
