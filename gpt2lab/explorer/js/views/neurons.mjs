import { h, s } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { extent, polyline, scale } from "../layout.mjs";
import { asFloats } from "../packing.mjs";
import { clip, number, wordsThatFit } from "../words.mjs";

export const neuronsView = { label: "Neurons", create: createNeurons, oneRun: true,
  about: "Inside one feed-forward network: the neurons that the chosen token moves most, and the words they raise." };

// The feed-forward neurons of one layer that this token moves most, and what they write.
function createNeurons(store) {
  const bars = createFigure("");
  const curve = createFigure("");
  const problem = h("div");
  const body = h("div", { class: "g2x-row g2x-wide" }, bars.root, curve.root);
  const root = h("div", { class: "g2x-view" }, problem, body);

  function draw() {
    const answer = store.ask(`neurons/${store.run()}/${store.get("layer")}/${store.token()}`);
    if (!answer) return false;
    problem.replaceChildren(...(answer.error ? [note(answer.error)] : []));
    body.hidden = Boolean(answer.error);
    if (answer.error) return true;
    const [pre, post, sorted] = answer.buffers.map(asFloats);
    drawBars(answer.meta, pre, post);
    drawCurve(answer.meta, sorted);
    return true;
  }

  function drawBars(meta, pre, post) {
    const f = store.scale();
    const width = Math.min(store.width > 820 * f ? store.width - 350 * f : store.width - 12, 700 * f);
    const line = 25 * f;
    const font = 12.5 * f;
    bars.size(width, 30 * f + line * meta.neurons.length + 6);
    bars.name(`Layer ${store.get("layer")}: neurons that ‘${clip(store.labels()[store.token()], 12)}’ moves most`);
    const range = extent(post);
    const name = 64 * f;
    const chart = [name, name + Math.min(200 * f, width * 0.32)];
    const x = scale(range, chart);
    const words = chart[1] + 62 * f;
    const marks = [
      text(name - 8, 15 * f, "neuron", { "font-size": font, "text-anchor": "end" }),
      text(chart[0], 15 * f, "activation", { "font-size": font }),
      text(words, 15 * f, width < 480 * f ? "raises" : "raises the logits of", { "font-size": font }),
    ];
    meta.neurons.forEach((id, i) => {
      const y = 24 * f + i * line;
      marks.push(
        text(name - 8, y + line * 0.66, id, { class: "g2x-t1", "font-size": font, "text-anchor": "end" }),
        s("rect", { x: Math.min(x(0), x(post[i])), width: Math.max(1, Math.abs(x(post[i]) - x(0))), y: y + line * 0.18, height: line * 0.64, class: post[i] >= 0 ? "g2x-up" : "g2x-down" },
          s("title", { text: `before the activation ${number(pre[i])}, after ${number(post[i])}` })),
        text(chart[1] + 52 * f, y + line * 0.66, number(post[i]), { "font-size": font, "text-anchor": "end" }),
        text(words, y + line * 0.66, wordsThatFit(meta.words[i].up.map((word) => clip(word, 11)), Math.floor((width - words) / (7.6 * f)), "   "), { class: "g2x-t1", "font-size": font }),
      );
    });
    marks.push(s("path", { d: `M${x(0)},${22 * f}V${24 * f + line * meta.neurons.length}`, class: "g2x-axis" }));
    bars.draw(marks);
  }

  function drawCurve(meta, sorted) {
    const f = store.scale();
    const [width, height, font] = [Math.min(330 * f, store.width - 12), 260 * f, 12 * f];
    curve.size(width, height);
    curve.name(`${meta.active} of ${meta.d_ff} neurons are above zero`);
    const range = extent(sorted);
    const [left, right, top, bottom] = [52 * f, width - 8, 12 * f, height - 34 * f];
    const y = scale(range, [bottom, top]);
    const x = (i) => left + (i / Math.max(1, sorted.length - 1)) * (right - left);
    const every = Math.max(1, Math.floor(sorted.length / 400));
    const points = Array.from(sorted, (v, i) => [x(i), y(v)]).filter((_, i) => i % every === 0 || i === sorted.length - 1);
    curve.draw(
      [range[0], 0, range[1]].filter((v, i, all) => all.indexOf(v) === i).flatMap((v) => [
        s("path", { d: `M${left},${y(v)}H${right}`, class: v === 0 ? "g2x-axis" : "g2x-gridline" }),
        text(left - 6, y(v) + font / 3, number(v), { "font-size": font, "text-anchor": "end" }),
      ]),
      s("path", { d: polyline(points), class: "g2x-curve g2x-ffn-line" }),
      text((left + right) / 2, height - 8 * f, `all ${meta.d_ff} neurons, lowest to highest`, { "font-size": font, "text-anchor": "middle" }),
    );
  }

  return { root, draw, figures: () => [bars, curve] };
}
