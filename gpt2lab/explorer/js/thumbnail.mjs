import { amountScale, hiddenColour, signedScale } from "./colour.mjs";
import { bitmap } from "./figure.mjs";
import { asBytes, difference, packedSize, paint, paintSigned } from "./packing.mjs";

// The bytes of a head's small picture in one run, null if it has no such head; if all tokens fit, those of its map.
export function smallMap(store, run, layer, head) {
  const { size, triangular, thumbnails, shape } = store.scene().runs[run];
  if (!shape || layer >= shape.length || head >= shape[layer]) return null;
  const length = packedSize(size, triangular);
  const before = shape.slice(0, layer).reduce((a, b) => a + b, 0) + head;
  return asBytes(thumbnails).subarray(before * length, (before + 1) * length);
}

// The picture of one head among all: "before", "after" or their difference. taken: see takenThumbnails.
export function thumbnail(store, layer, head, which, taken) {
  const runs = store.scene().runs;
  const slice = (run) => {
    const small = smallMap(store, run, layer, head);
    return small && taken ? taken.of(run, layer, head) : small;
  };
  const last = runs.length - 1;
  const run = which === "before" ? 0 : last;
  const n = runs[run].size;
  if (which === "difference" && last > 0) {
    const [a, b] = [slice(0), slice(last)];
    if (!a || !b) return null;
    const change = difference(a, b, n, runs[0].triangular, runs[last].triangular);
    return bitmap(paintSigned(change, n, signedScale(store.theme)), n);
  }
  const bytes = slice(run);
  return bytes && bitmap(paint(bytes, n, runs[run].triangular, amountScale(store.theme), hiddenColour(store.theme)), n);
}
