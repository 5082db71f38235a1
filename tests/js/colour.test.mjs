import assert from "node:assert/strict";
import test from "node:test";
import { amountScale, contrast, hiddenColour, inkOn, luminance, ramp, rgb, signedScale } from "../../gpt2lab/explorer/js/colour.mjs";

// How a person without one kind of cone sees a colour. Viénot, Brettel and Mollon 1999.
const BLIND = {
  protan: [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
  deutan: [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
};
const seen = (colour, matrix) => matrix.map((row) => Math.max(0, Math.min(255, row.reduce((sum, v, i) => sum + v * colour[i], 0))));
const distance = (a, b) => Math.hypot(...a.map((v, i) => v - b[i]));

for (const theme of ["light", "dark"]) {
  test(`${theme}: more weight is steadily darker or steadily brighter`, () => {
    const scale = amountScale(theme);
    assert.equal(scale.length, 256);
    const direction = theme === "light" ? -1 : 1;
    for (let i = 1; i < 256; i++) assert.ok(direction * (luminance(scale[i]) - luminance(scale[i - 1])) > -1e-4, `step ${i}`);
    assert.ok(contrast(scale[0], scale[255]) > 10);
  });

  test(`${theme}: a hidden key is not taken for a weight of zero`, () => {
    assert.ok(distance(hiddenColour(theme), amountScale(theme)[0]) > 25);
  });

  test(`${theme}: increase and decrease differ for red-green blind people`, () => {
    const scale = signedScale(theme);
    for (const matrix of Object.values(BLIND)) {
      assert.ok(distance(seen(scale[20], matrix), seen(scale[235], matrix)) > 90);
    }
  });

  test(`${theme}: numbers on a cell are readable`, () => {
    for (const colour of amountScale(theme)) assert.ok(contrast(colour, rgb(inkOn(colour))) >= 4.5);
  });
}

test("a ramp starts and ends at its anchors", () => {
  const colours = ramp(["#000000", "#ff0000", "#ffffff"], 5);
  assert.deepEqual(colours, [[0, 0, 0], [128, 0, 0], [255, 0, 0], [255, 128, 128], [255, 255, 255]]);
});
