import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { createStore } from "../../gpt2lab/explorer/js/store.mjs";
import { headsTogether, pickHead, querying } from "../../gpt2lab/explorer/js/together.mjs";

// A store on a widget model that holds its traits and sends nothing.
function storeOf(state) {
  const model = { get: (name) => state[name], set: (name, value) => { state[name] = value; }, save_changes() {}, on() {}, off() {}, send: mock.fn() };
  return { store: createStore(model), model };
}

const START = { layer: 0, head: 0, token: 3, span: -1, also: [], which_run: "after", _scene: { rev: 1, runs: [{}], labels: ["a", "b", "c", "d"] } };

test("a click selects one head, with Shift it adds and takes away, up to six", () => {
  const { store } = storeOf({ ...START });
  pickHead(store, 1, 2, { shiftKey: true });
  pickHead(store, 0, 3, { shiftKey: true });
  assert.deepEqual(headsTogether(store), [[0, 0], [1, 2], [0, 3]]);
  pickHead(store, 1, 2, { shiftKey: true });
  assert.deepEqual(store.get("also"), ["head 0.3"]);
  pickHead(store, 0, 0, { shiftKey: true }); // the selected one is always there
  assert.deepEqual(store.get("also"), ["head 0.3"]);
  pickHead(store, 0, 3, {});
  assert.deepEqual(headsTogether(store), [[0, 3]]);
  for (let head = 0; head < 9; head++) pickHead(store, 2, head, { shiftKey: true });
  assert.equal(headsTogether(store).length, 6);
});

test("a span reaches from the one query to the other, and a new query ends it", () => {
  const { store } = storeOf({ ...START, span: 1 });
  assert.deepEqual([store.span(), store.queries()], [[1, 2, 3], [1, 2, 3]]);
  assert.match(querying(store, ["a", "b", "c", "d"]), /^Queries 1 ‘b’ to 3 ‘d’, the mean of 3 rows$/);
  store.set({ token: 0 });
  assert.deepEqual([store.get("span"), store.span()], [-1, [0]]);
  store.set({ token: 2, span: 0 });
  assert.deepEqual(store.span(), [0, 1, 2]);
});

test("what is pointed at is shown, changes no trait, sends nothing, and ends with the picture", () => {
  const state = { ...START };
  const { store, model } = storeOf(state);
  const told = [];
  store.listen((what) => told.push(what));
  for (const what of [{ token: 1 }, { token: 1 }]) store.point(what);
  assert.deepEqual([store.queries(), store.span(), told], [[1], [3], ["pointed"]]);
  assert.equal(querying(store, ["a", "b", "c", "d"]), "Query 1 ‘b’");
  assert.deepEqual([model.send.mock.callCount(), state.token], [0, 3]);
  state._scene = { ...state._scene, rev: 2 };
  store.refresh();
  assert.deepEqual(store.pointed, {});
});

test("the run that was chosen of two is a trait", () => {
  const { store } = storeOf({ ...START, _scene: { ...START._scene, runs: [{}, {}] } });
  assert.equal(store.run(), 1);
  store.showRun("before");
  assert.deepEqual([store.run(), store.get("which_run")], [0, "before"]);
});
