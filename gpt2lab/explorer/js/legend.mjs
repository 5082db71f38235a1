import { amountScale, css, hiddenColour, signedScale } from "./colour.mjs";
import { createFigure, text } from "./figure.mjs";
import { s } from "./dom.mjs";
import { number } from "./words.mjs";

const TICKS = [0, 0.01, 0.1, 0.25, 0.5, 1];

// The scale of attention weights (or of their differences), with the colour of hidden keys.
export function createLegend(store) {
  const figure = createFigure("");
  return {
    figure,
    root: figure.root,
    draw(signed, triangular, most, said) { // most: what a share of 1 is, of weight × length; said: what else the scale is of
      const k = store.scale();
      const [length, bar, font] = [Math.max(110 * k, Math.min(220 * k, store.width - 180 * k)), 12 * k, 12 * k];
      const colours = signed ? signedScale(store.theme) : amountScale(store.theme);
      figure.size(length + (triangular && !signed ? 176 : 110) * k, 46 * k);
      const paper = figure.paper();
      for (let x = 0; x < length; x++) {
        paper.fillStyle = css(colours[Math.floor((256 * x) / length)]);
        paper.fillRect(8 + x, 2, 1.5, bar);
      }
      const values = signed ? [-1, -0.25, 0, 0.25, 1] : TICKS.filter((v) => v !== 0.01 || length > 200 * k);
      const at = (v) => 8 + length * (signed ? (1 + Math.sign(v) * Math.sqrt(Math.abs(v))) / 2 : Math.sqrt(v));
      const shown = (v) => (v > 0 && signed ? "+" : "") + String(v).replace(/^(-?)0\./, "$1.").replace("-", "−");
      const marks = values.map((v) => text(at(v), bar + 2 + font * 1.1, shown(v), { "font-size": font, "text-anchor": "middle" }));
      const size = most ? `weight × length taken, 1 = ${number(most)}` : "attention weight (root scale)";
      const what = said ? said : signed ? `change of ${most ? size : "weight"}: ${store.scene().names[1]} − ${store.scene().names[0]}` : size;
      const hidden = triangular && !signed
        ? [s("rect", { x: length + 28 * k, y: 2, width: bar, height: bar, fill: css(hiddenColour(store.theme)) }),
          text(length + 28 * k + bar + 6, bar, "hidden by the mask", { "font-size": font })]
        : [];
      figure.name("", what);
      figure.draw(marks, hidden, text(8, bar + 4 + font * 2.3, what, { "font-size": font }));
    },
  };
}
