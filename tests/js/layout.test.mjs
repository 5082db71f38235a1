import assert from "node:assert/strict";
import test from "node:test";
import { attributionTable, dotSteps, extent, gridLayout, labelStep, matrixCell, polyline, scale, step, strongest, ticks, windowAround, zoomedEnd } from "../../gpt2lab/explorer/js/layout.mjs";

test("the grid fits the width and its cells do not overlap", () => {
  for (const [layers, heads, width] of [[2, 4, 900], [12, 12, 900], [48, 25, 700]]) {
    const g = gridLayout({ layers, heads, width });
    assert.ok(g.x(1) - g.x(0) > g.cell);
    assert.ok(g.y(1) - g.y(0) > g.cell);
    if (g.cell > 18) assert.ok(g.width <= width);
    assert.ok(g.y(layers - 1) + g.cell <= g.height);
  }
});

test("a point finds its cell, the edge belongs to nobody outside", () => {
  assert.deepEqual(matrixCell(0, 0, 10, 100), { row: 0, column: 0 });
  assert.deepEqual(matrixCell(99.9, 35, 10, 100), { row: 3, column: 9 });
  assert.equal(matrixCell(100, 5, 10, 100), null);
  assert.equal(matrixCell(-1, 5, 10, 100), null);
});

test("arrow keys stay inside", () => {
  assert.deepEqual(step("ArrowDown", 1, 1, 2, 3), { row: 1, column: 1 });
  assert.deepEqual(step("ArrowLeft", 0, 0, 2, 3), { row: 0, column: 0 });
  assert.deepEqual(step("End", 0, 0, 2, 3), { row: 0, column: 2 });
  assert.deepEqual(step("PageDown", 0, 1, 2, 3), { row: 1, column: 1 });
  assert.equal(step("a", 0, 0, 2, 3), null);
});

test("labels keep their distance", () => {
  assert.equal(labelStep(10, 500, 14), 1);
  for (const n of [40, 128, 512, 1024]) assert.ok((labelStep(n, 500, 14) * 500) / n >= 14);
});

test("ticks are round and inside", () => {
  assert.deepEqual(ticks(0, 1), [0, 0.5, 1]);
  assert.deepEqual(ticks(-3, 3), [-2, 0, 2]);
  assert.deepEqual(ticks(5, 5), [5]);
  for (const [low, high] of [[0, 0.013], [-2.2, 91], [0, 1e6]]) {
    for (const t of ticks(low, high)) assert.ok(t >= low - 1e-9 && t <= high + 1e-9);
  }
});

test("extent holds zero and ignores what is not a number", () => {
  assert.deepEqual(extent([3, NaN, 5], [Infinity]), [0, 5]);
  assert.deepEqual(extent([]), [0, 1]);
});

test("scale maps ends to ends", () => {
  const y = scale([0, 10], [100, 0]);
  assert.equal(y(0), 100);
  assert.equal(y(10), 0);
});

test("the strongest come in their own order", () => {
  assert.deepEqual(strongest([0.1, 0.5, 0.2, 0.2], 2), [1, 2]);
  assert.deepEqual(strongest([1, 2], 5), [0, 1]);
});

test("a window holds what is chosen", () => {
  assert.deepEqual(windowAround(0, 10, 4), [0, 1, 2, 3]);
  assert.deepEqual(windowAround(9, 10, 4), [6, 7, 8, 9]);
  assert.deepEqual(windowAround(1, 3, 10), [0, 1, 2]);
});

test("the running sum ends at the dot product", () => {
  assert.deepEqual(dotSteps([1, 2, 3], [4, -5, 6]), [{ product: 4, sum: 4 }, { product: -10, sum: -6 }, { product: 18, sum: 12 }]);
});

test("a line is broken where a value is missing", () => {
  assert.equal(polyline([[0, 1], [1, NaN], [2, 3], [3, 4]]), "M0.0,1.0M2.0,3.0L3.0,4.0");
});

test("a zoomed axis ends at the first round share that holds the longest bar", () => {
  assert.equal(zoomedEnd(0.07), 0.1);
  assert.equal(zoomedEnd(0.1), 0.1);
  assert.equal(zoomedEnd(0.51), 1);
  assert.equal(zoomedEnd(1), 1);
  assert.equal(zoomedEnd(1 / 50257), 0.0001);
});

test("a table of attributions has a row per layer, and leaves room where a layer has fewer heads", () => {
  const parts = [1, 2, 0, 10, 11, 3, 4, 5, 20, 6, 7, 8, 9]; // token, position, patched; two heads, then one; norm
  const { input, layers, rest, largest } = attributionTable(parts, [2, 1]);
  assert.deepEqual(input, [["token vector", 1], ["position vector", 2]]);
  assert.deepEqual(layers, [[10, 11, 4, 8], [20, null, 7, 14]]);
  assert.deepEqual(rest, [["final norm’s bias", 9]]);
  assert.deepEqual(largest[0], ["head 1.0", 20]);
});
