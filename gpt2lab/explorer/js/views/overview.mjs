import { h, s, say, set, uniqueId } from "../dom.mjs";
import { createFigure, crossed, text } from "../figure.mjs";
import { gridLayout } from "../layout.mjs";
import { thumbnail } from "../thumbnail.mjs";
import { headView } from "./head.mjs";
import { lensView } from "./lens.mjs";
import { neuronsView } from "./neurons.mjs";
import { nextView } from "./next.mjs";
import { streamView } from "./stream.mjs";
import { pickHead } from "../together.mjs";
import { capital, clip, count } from "../words.mjs";

export const overviewView = { label: "Overview", create: createOverview, oneRun: true,
  about: "The model from text to prediction, in the order of its work. Press a part to look inside it." };

// Token numbers: where the model's numbers begin.
function tokensPart(store) {
  const figure = createFigure("Text becomes tokens, tokens are numbers");
  return {
    root: figure.root,
    figures: () => [figure],
    draw() {
      const f = store.scale();
      const { labels, ids } = store.scene();
      const each = 92 * f;
      const columns = Math.max(1, Math.floor((store.width - 40) / each));
      const shown = labels.slice(0, 120);
      figure.size(columns * each, Math.ceil(shown.length / columns) * 50 * f);
      figure.draw(shown.flatMap((label, i) => {
        const [x, y] = [(i % columns) * each, Math.floor(i / columns) * 50 * f];
        return [
          s("rect", { x: x + 2, y: y + 2, width: each - 6, height: 42 * f, rx: 5, class: "g2x-tile" }),
          text(x + each / 2 - 1, y + 19 * f, clip(label, 10), { class: "g2x-t1", "font-size": 13 * f, "text-anchor": "middle" }),
          text(x + each / 2 - 1, y + 36 * f, ids[i], { "font-size": 12 * f, "text-anchor": "middle" }),
        ];
      }));
      return true;
    },
  };
}

// The whole model from text to prediction; every part is a button that opens it in place.
function createOverview(store) {
  const root = h("div", { class: "g2x-view" });
  let stages = [];
  let open = null; // { stage, view }
  let built = "";

  function build() {
    const { can, grid } = store.scene();
    const named = (layer) => capital(store.layerName(layer).replace("layer", "block"));
    const blocks = grid.map((heads, layer) => [
      stage(`${named(layer)}: attention`, () => `${count(heads, "head")}; adds to the stream`, "g2x-attn-edge", headView.create, layer),
      can.ffn && stage(`${named(layer)}: feed-forward`, () => "token by token; adds to the stream", "g2x-ffn-edge", neuronsView.create, layer, true),
    ]);
    stages = [
      stage("Tokens", () => count(store.T(), "token"), "", tokensPart),
      can.stream && stage("Token + position vectors", () => `${store.T()} vectors of ${store.scene().d_model} numbers: the residual stream begins`, "", streamView.create),
      ...blocks.flat(),
      can.lens && stage("Final layer norm and logit lens", () => "the stream, read off after every block", "", lensView.create),
      can.next && stage(`Output: ${store.scene().fills ? "each token's own place" : "next token"}`, () => "the stream compared with every token's vector", "", nextView.create),
    ].filter(Boolean);
    close();
    root.replaceChildren(h("ol", { class: "g2x-stages" }, stages.map((one) => one.item)));
  }

  function stage(title, about, edge, make, layer, ffn) {
    const panel = h("div", { class: "g2x-stage-panel", id: uniqueId("part"), hidden: true });
    const strip = layer !== undefined && !ffn ? createFigure("") : null;
    const note = h("span", { class: "g2x-stage-about" });
    const one = { layer, ffn, panel, strip, about, note, make };
    one.button = h("button", { type: "button", class: `g2x-stage-button ${edge}`, "aria-expanded": "false", "aria-controls": panel.id, onclick: () => toggle(one) },
      h("span", { class: "g2x-stage-title", text: title }), note);
    one.item = h("li", {}, h("div", { class: `g2x-part${strip ? " g2x-with-strip" : ""}` }, one.button, strip && h("div", { "aria-hidden": "true" }, strip.stage)), panel);
    return one;
  }

  function toggle(one) {
    const again = open?.stage === one;
    close();
    if (again) return;
    open = { stage: one, view: one.make(store) };
    one.panel.hidden = false;
    one.panel.append(open.view.root);
    set(one.button, { "aria-expanded": "true" });
    if (one.layer !== undefined) store.set({ layer: one.layer });
    draw();
  }

  function close() {
    if (!open) return;
    open.stage.panel.replaceChildren();
    open.stage.panel.hidden = true;
    set(open.stage.button, { "aria-expanded": "false" });
    open = null;
  }

  function draw() {
    const { grid, can, layers } = store.scene();
    const key = JSON.stringify([grid, can, layers]);
    if (built !== key) { build(); built = key; }
    root.classList.toggle("g2x-narrow", narrow());
    for (const one of stages) {
      const silent = one.layer !== undefined && store.isOff(`${one.ffn ? "ffn" : "attention"} ${one.layer}`);
      say(one.note, silent ? "switched off: adds nothing" : one.about() + silentHeads(one));
      one.item.classList.toggle("g2x-silent", silent);
      if (one.strip) drawStrip(one);
    }
    return open ? open.view.draw() !== false : true;
  }

  // Which heads of an attention add nothing.
  function silentHeads({ strip, layer }) {
    const heads = strip ? [...Array(store.heads(layer)).keys()].filter((head) => store.headIsOff(layer, head)) : [];
    return heads.length ? `; off: head ${heads.join(", ")}` : "";
  }

  // Too narrow for a sentence beside the heads.
  function narrow() {
    return store.width < 720 * store.scale();
  }

  function drawStrip({ strip, layer }) {
    const heads = store.heads(layer);
    const f = store.scale();
    const place = gridLayout({ layers: 1, heads, width: Math.max(store.width - (narrow() ? 230 : 380) * f, 200), label: 0, top: 2, gap: 4, badge: 0, least: 12, most: 46 * f });
    strip.size(place.width, place.height);
    const paper = strip.paper();
    const crosses = [];
    for (let head = 0; head < heads; head++) {
      const image = thumbnail(store, layer, head, store.run() ? "after" : "before");
      const silent = store.headIsOff(layer, head);
      paper.globalAlpha = silent ? 0.35 : 1;
      const [x, y, a] = [place.x(head), place.y(0), place.cell];
      if (image) paper.drawImage(image, x, y, a, a);
      if (silent) crosses.push(crossed(x, y, a));
    }
    strip.draw(crosses, layer === store.get("layer")
      ? s("rect", { x: place.x(store.get("head")) - 1, y: place.y(0) - 1, width: place.cell + 2, height: place.cell + 2, class: "g2x-selected" }) : null);
    strip.stage.onclick = (event) => {
      const head = Math.floor((event.clientX - strip.stage.getBoundingClientRect().left) / (place.cell + 4));
      if (head >= 0 && head < heads) pickHead(store, layer, head, event);
    };
  }

  return { root, draw, figures: () => [...stages.filter((one) => one.strip).map((one) => one.strip), ...(open?.view.figures() ?? [])] };
}
