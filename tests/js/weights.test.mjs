import assert from "node:assert/strict";
import test from "node:test";
import { askAround, askRows, chosenKey, exactRow, headMapAtHand } from "../../gpt2lab/explorer/js/weights.mjs";

// A store with two layers of two heads, two tokens, and the answers given.
function fakeStore(answers, state = {}) {
  const store = {
    asked: [],
    get: (name) => ({ layer: 0, head: 1, key: -1, ...state })[name],
    has: (question) => question in answers,
    ask(question) { store.asked.push(question); return answers[question] ?? null; },
    T: () => 2, token: () => 1, span: () => [0, 1], last: () => 0, layers: () => 2, heads: () => 2,
    scene: () => ({ runs: [{ triangular: true }] }),
  };
  return store;
}

const MAP = { meta: { triangular: true }, buffers: [new Uint8Array([255, 128, 221])] };
const ROW = { meta: {}, buffers: [new Float32Array([0.2449, 0.7551])] };

test("numbers are those of the exact row as soon as it is here, and say ≈ before", () => {
  const rough = fakeStore({ "map/0/0/1": MAP });
  const map = headMapAtHand(rough, 0);
  assert.deepEqual([0, 1].map(exactRow(rough, map, 1).write), ["≈ .25", "≈ .75"]);
  const exact = fakeStore({ "map/0/0/1": MAP, "row/0/0/1/1": ROW });
  assert.deepEqual([0, 1].map(exactRow(exact, map, 1).write), [".24", ".76"]);
  assert.deepEqual([0, 1].map(exactRow(exact, map, 0).write), ["≈ 1.0", "≈ 0"]); // another query's row is not here
});

test("a row that a page has not recorded comes from the map", () => {
  const store = fakeStore({ "map/0/0/1": MAP, "row/0/0/1/1": { error: "This was not recorded" } });
  assert.equal(exactRow(store, headMapAtHand(store, 0), 1).write(0), "≈ .25");
});

test("what is not at hand is not asked for", () => {
  const store = fakeStore({});
  assert.equal(headMapAtHand(store, 0), null);
  exactRow(store, { bytes: MAP.buffers[0], triangular: true, run: 0, place: [0, 1] }, 1);
  assert.deepEqual(store.asked, []);
});

test("of several queries it is the mean of their rows, exact once all of them are here", () => {
  const answers = { "map/0/0/1": MAP, "row/0/0/1/1": ROW };
  const store = fakeStore(answers);
  const map = headMapAtHand(store, 0);
  assert.equal(exactRow(store, map, [0, 1]).write(1).slice(0, 1), "≈");
  answers["row/0/0/1/0"] = { meta: {}, buffers: [new Float32Array([1, 0])] };
  const { weights, write } = exactRow(store, map, [0, 1]);
  assert.ok(Math.abs(weights[0] - 0.62245) < 1e-4 && Math.abs(weights[1] - 0.37755) < 1e-4);
  assert.deepEqual([write(0), write(1)], [".62", ".38"]);
});

test("the rows of a span are asked for, of the head that is named", () => {
  const store = fakeStore({});
  askRows(store, 0);
  askRows(store, 0, [1, 0]);
  assert.deepEqual(store.asked, ["row/0/0/1/0", "row/0/0/1/1", "row/0/1/0/0", "row/0/1/0/1"]);
});

test("where all tokens fit, a small picture is the map, and nothing is asked for", () => {
  const store = fakeStore({});
  store.scene = () => ({ runs: [{ triangular: true, size: 2, shape: [2], thumbnails: new Uint8Array([255, 1, 2, 255, 128, 221]) }] });
  assert.deepEqual([...headMapAtHand(store, 0).bytes], [255, 128, 221]);
  assert.deepEqual([...headMapAtHand(store, 0, [0, 0]).bytes], [255, 1, 2]);
  assert.equal(headMapAtHand(store, 0, [3, 0]), null);
  assert.deepEqual(store.asked, []);
});

test("the key is the chosen one or the strongest", () => {
  assert.equal(chosenKey(fakeStore({}), [0.1, 0.6, 0.3]), 1);
  assert.equal(chosenKey(fakeStore({}, { key: 2 }), [0.1, 0.6, 0.3]), 2);
  assert.equal(chosenKey(fakeStore({}, { key: 9 }), [0.1, 0.6, 0.3]), 1);
});

test("the heads around and the tokens beside are asked for ahead", () => {
  const store = fakeStore({});
  askAround(store);
  assert.deepEqual(store.asked, [
    "row/0/0/1/0", "map/0/0/0", "row/0/0/0/1", "map/0/0/1", "row/0/0/1/1", "map/0/1/1", "row/0/1/1/1",
  ]);
});

test("of a very long text only the tokens beside are asked for ahead", () => {
  const store = { ...fakeStore({}), T: () => 1000, asked: [] };
  store.ask = (question) => { store.asked.push(question); return null; };
  askAround(store);
  assert.deepEqual(store.asked, ["row/0/0/1/0", "row/0/0/1/2"]);
});
