import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { createStore } from "../../gpt2lab/explorer/js/store.mjs";

// A widget model without a widget: it notes what is sent.
function fakeModel(state) {
  const handlers = new Map();
  const model = {
    sent: [],
    get: (name) => state[name],
    set(name, value) { state[name] = value; model.fire(`change:${name}`); },
    save_changes() {},
    on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
    off() {},
    send: (content) => model.sent.push(...content.want),
    fire: (event, ...values) => (handlers.get(event) ?? []).forEach((handler) => handler(...values)),
    answer: (question, rev, bytes = 0) => model.fire("msg:custom", { question, rev, meta: {} }, [new Uint8Array(bytes)]),
  };
  return model;
}

const scene = (rev) => ({ rev, runs: [{}], labels: ["a"], shape: [2], grid: [2, 4], can: { change: true } });

test("a file that was asked for arrives, although another picture came in between", () => {
  const model = fakeModel({ _scene: scene(1) });
  const store = createStore(model);
  const got = [];
  store.fetch("csv", (answer) => got.push(answer.buffers.length));
  model.set("_scene", scene(2));
  model.answer("csv", 1);
  assert.deepEqual([model.sent, got], [["csv"], [1]]);
  assert.equal(store.has("csv"), false);
  store.destroy();
});

test("many large files leave room for the maps", () => {
  const model = fakeModel({ _scene: scene(1) });
  const store = createStore(model);
  for (let i = 0; i < 20; i++) {
    store.fetch("html", () => {});
    model.answer("html", 1, 8_000_000);
  }
  for (const question of ["map/0/0/0", "map/0/0/1"]) model.answer(question, 1, 1000);
  assert.ok(store.has("map/0/0/0") && store.has("map/0/0/1"));
  store.destroy();
});

test("of two models, the one with more layers and heads sets the selection, the changed one the parts", () => {
  const store = createStore(fakeModel({ _scene: scene(1) }));
  assert.deepEqual([store.layers(), store.heads(1), store.parts(0), store.parts(1)], [2, 4, 2, 0]);
});

test("silence is said after a while, and taken back with the first answer", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = fakeModel({ _scene: scene(1), text: "a", _answered: 1 });
  const store = createStore(model);
  store.set({ text: "b" });
  mock.timers.tick(9_000);
  assert.equal(store.silent(), false);
  mock.timers.tick(2_000);
  assert.equal(store.silent(), true);
  model.set("_answered", 2);
  assert.equal(store.silent(), false);
  mock.timers.tick(60_000); // nothing is on its way
  assert.equal(store.silent(), false);
  mock.timers.reset();
});

test("a sender that fails is silence at once, not an error", () => {
  const model = fakeModel({ _scene: scene(1), token: 0 });
  model.save_changes = () => { throw new Error("Cannot send"); };
  const store = createStore(model);
  store.set({ token: 1 });
  assert.equal(store.silent(), true);
  store.destroy();
});

test("a part is switched off and on again, but not where nobody runs the model", () => {
  const model = fakeModel({ _scene: scene(1), ablated: [] });
  const store = createStore(model);
  store.toggle("head 0.1");
  assert.deepEqual(store.get("ablated"), ["head 0.1"]);
  store.toggle("head 0.1");
  assert.deepEqual(store.get("ablated"), []);
  model.set("_scene", { ...scene(2), can: { change: false } });
  store.toggle("mask");
  assert.deepEqual(store.get("ablated"), []);
  store.destroy();
});
