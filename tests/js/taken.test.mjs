import assert from "node:assert/strict";
import test from "node:test";
import { takenMaps, takenThumbnails } from "../../gpt2lab/explorer/js/taken.mjs";
import { exactRow } from "../../gpt2lab/explorer/js/weights.mjs";

const TAKEN = { meta: { most: 4 }, buffers: [new Uint8Array([255, 0, 128]), new Float32Array([9, 9, 4, 2])] };
const ROW = { meta: {}, buffers: [new Float32Array([0.25, 0.75])] };

function fakeStore(answers) {
  return {
    get: (name) => ({ layer: 0, head: 1, weighted: true })[name],
    has: (question) => question in answers,
    ask: (question) => answers[question] ?? null,
    T: () => 2,
    scene: () => ({ runs: [{ triangular: true, shape: [1], size: 2 }] }),
  };
}

const MAP = { bytes: new Uint8Array([255, 128, 221]), triangular: true, run: 0, place: [0, 1] };

test("a map with lengths is coded in shares of its largest product", () => {
  const [map] = takenMaps(fakeStore({ "taken/0/0": TAKEN }), [MAP]);
  assert.equal(map.most, 4); // weight 1 of key 0, length 4
  assert.deepEqual([...map.bytes], [255, 128, 156]); // .25 · 4 and .75 · 2, of 4
});

test("numbers are the exact weight times the length", () => {
  const store = fakeStore({ "taken/0/0": TAKEN, "row/0/0/1/1": ROW });
  const [map] = takenMaps(store, [MAP]);
  const { weights, write } = exactRow(store, map, 1);
  assert.deepEqual([write(0), write(1)], ["1.00", "1.50"]);
  assert.deepEqual(weights, [0.25, 0.375]);
});

test("on its way is null, and a sentence in place of lengths is handed on", () => {
  assert.deepEqual(takenMaps(fakeStore({}), [MAP]), [null]);
  assert.equal(takenMaps(fakeStore({ "taken/0/0": { error: "none" } }), [MAP])[0].error, "none");
  assert.equal(takenThumbnails(fakeStore({})), null);
});

test("small pictures of all layers are on one scale", () => {
  const store = fakeStore({ "taken/0/0": TAKEN, "taken/0/1": { ...TAKEN, meta: { most: 16 } } });
  store.scene = () => ({ runs: [{ triangular: true, shape: [1, 1], size: 2 }] });
  const found = takenThumbnails(store);
  assert.equal(found.most, 16);
  assert.deepEqual([...found.of(0, 0, 0)], [128, 0, 64]); // a quarter of the largest has half its root
  assert.deepEqual([...found.of(0, 1, 0)], [255, 0, 128]);
});
