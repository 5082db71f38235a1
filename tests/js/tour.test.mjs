import assert from "node:assert/strict";
import test from "node:test";
import { findToken, readFigure, tell } from "../../gpt2lab/explorer/js/tour.mjs";

const labels = ["the", "␣it", "␣the", "."];
const rows = [{ label: "␣robot", p: [0.9, 0.1] }, { label: "robot", p: [0.05, 0.2] }, { label: "x", p: [0.01, 0.02] }];

function fakeStore(answers) {
  return {
    labels: () => labels,
    last: () => 1,
    ask: (question) => answers[question] ?? null,
    next: (token) => answers[`next/${token}`] ?? null,
  };
}

test("tokens are found as Python finds them", () => {
  assert.deepEqual([["the", 1], ["the", 2], ["it", 1], ["", 0], ["the", 3], ["", 1]].map((place) => findToken(place, labels)), [0, 2, 1, 3, -1, -1]);
});

const chance = { kind: "chance", before: false, start: ["", 0], end: ["robot", 1] };
const weight = { kind: "weight", before: true, start: ["", 0], end: ["it", 1], layer: 2, head: 1 };

test("a figure is read from the answers of the run it is about", () => {
  const bytes = new Uint8Array(20); // floats need not lie where a Float32Array could begin
  new DataView(bytes.buffer).setFloat32(2 + 4, 0.25, true);
  const store = fakeStore({ "next/3": { meta: { rows } }, "row/0/2/1/3": { buffers: [new DataView(bytes.buffer, 2, 16)] } });
  assert.equal(readFigure(store, weight).text, ".25");
  assert.equal(readFigure(store, chance).text, "30.0 %");
  assert.equal(readFigure(store, { ...chance, before: true }).text, "95.0 %");
  assert.deepEqual(readFigure(store, { ...chance, end: ["zebra", 1] }), { value: 0.02, text: "2.0 %" }); // at most that
});

test("a step waits for its figures, and says when the model does otherwise", () => {
  const step = { said: ["“robot”: ", chance, "."], expect: [{ figure: chance, above: true, limit: 0.5 }] };
  assert.equal(tell(fakeStore({}), step), null);
  const store = fakeStore({ "next/3": { meta: { rows } } });
  assert.equal(tell(store, step), "This model does otherwise than the tour expects. With its figures, the tour says: “robot”: 30.0 %.");
  assert.equal(tell(store, { ...step, expect: [{ figure: chance, above: false, limit: 0.5 }] }), "“robot”: 30.0 %.");
  const gone = { ...chance, start: ["zebra", 1] };
  assert.equal(tell(store, { said: [gone], expect: [{ figure: gone, above: false, limit: 0.5 }] }).slice(-1), "–");
});
