import { amountScale, css } from "./colour.mjs";
import { button, h, numberField, ofTwo, say, set, uniqueId } from "./dom.mjs";
import { step } from "./layout.mjs";
import { exactRow, headMapAtHand } from "./weights.mjs";
import { place } from "./words.mjs";

const PATIENCE = 110; // milliseconds without a key before the text is sent

// The text. What is typed goes out after a pause, one version at a time.
export function textField(store, name = "text", label = "Text for the model") {
  const input = h("textarea", { rows: 1, spellcheck: "false", autocomplete: "off", "aria-label": label });
  const root = h("div", { class: "g2x-text" }, input);
  let timer = 0;
  let inFlight = false;
  let sentAt = 0;
  const send = () => {
    clearTimeout(timer);
    timer = 0;
    if (inFlight && performance.now() - sentAt < 4000) { timer = setTimeout(send, 30); return; }
    inFlight = store.set({ [name]: input.value });
    sentAt = performance.now();
  };
  input.addEventListener("input", () => {
    fit();
    clearTimeout(timer);
    timer = setTimeout(send, PATIENCE);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
  });
  let fitted = 0; // the width the height belongs to
  function fit() {
    fitted = input.clientWidth;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight + 2}px`;
  }
  return {
    root,
    input,
    arrived: () => { inFlight = false; },
    draw() {
      input.readOnly = Boolean(store.get("_recorded"));
      if (input.clientWidth !== fitted) fit();
      const said = store.get(name) ?? "";
      if (input.getRootNode().activeElement === input && input.value !== said && (inFlight || timer)) return;
      if (input.value !== said) { input.value = said; fit(); }
    },
    destroy: () => clearTimeout(timer),
  };
}

// The second sentence: a button that opens its field with the first one in it, to be changed, and closes it again.
export function secondSentence(store) {
  const field = textField(store, "text_b", "Second sentence");
  const opener = button("Second sentence", () => {
    const open = !store.get("text_b");
    store.set({ text_b: open ? store.get("text") : "" });
    if (open) requestAnimationFrame(() => field.input.focus());
  }, { title: "Two sentences in one model, side by side" });
  return {
    ...field,
    opener,
    draw() {
      const open = Boolean(store.get("text_b")) || field.root.contains(field.root.getRootNode().activeElement);
      field.root.hidden = !open;
      opener.hidden = !store.scene().can?.second;
      set(opener, { "aria-pressed": String(open) });
      if (open) field.draw();
    },
  };
}

// The tokens as a row to choose the query from; the bar under each is how much it is looked at.
export function tokenStrip(store) {
  const root = h("div", { class: "g2x-tokens", role: "listbox", tabindex: 0, "aria-multiselectable": "true", "aria-label": "Tokens: choose the query; with Shift a span of queries" });
  const ghost = h("span", { class: "g2x-ghost", "aria-hidden": "true" }); // what a click on a prediction would add
  let chips = [];
  let built = -1;
  root.addEventListener("keydown", (event) => {
    const to = step(event.key, 0, store.token(), 1, store.T());
    if (!to || event.key === "ArrowUp" || event.key === "ArrowDown") return;
    event.preventDefault();
    choose(to.column, event.shiftKey);
  });
  const chipOf = (event) => chips.indexOf(event.target.closest?.("[role=option]"));
  root.addEventListener("click", (event) => {
    if (chipOf(event) >= 0) choose(chipOf(event), event.shiftKey);
  });
  root.addEventListener("pointerover", (event) => store.point(chipOf(event) < 0 ? {} : { token: chipOf(event) }));
  root.addEventListener("pointerleave", () => store.point({}));

  // With Shift, everything from the query that was chosen first.
  function choose(token, extend) {
    const from = store.get("span") < 0 ? store.token() : store.get("span");
    store.set({ token, span: extend && token !== from ? from : -1 });
  }

  function draw() {
    const { rev, labels, labels_b } = store.scene();
    if (built !== rev) {
      built = rev;
      const others = labels_b ?? labels;
      chips = labels.map((label, i) => h("span", { role: "option", id: uniqueId("token"), class: "g2x-token", title: place(i, labels) },
        label === others[i] ? label : ofTwo(label, others[i])));
      root.replaceChildren(...chips, ghost);
    }
    const chosen = store.token();
    const { layer, head, next } = store.pointed;
    const map = store.ready() ? headMapAtHand(store, store.run(), layer === undefined ? undefined : [layer, head]) : null;
    const row = map && exactRow(store, map, store.queries());
    const span = store.span();
    ghost.hidden = !store.scene().can.write || store.sentences();
    say(ghost, next ?? "…");
    ghost.classList.toggle("g2x-preview", next !== undefined);
    chips.forEach((chip, i) => {
      set(chip, { "aria-selected": String(span.includes(i)), "data-current": i === chosen });
      chip.style.borderBottomColor = row ? css(amountScale(store.theme)[Math.round(255 * Math.sqrt(row.weights[i]))]) : "transparent";
      if (row) chip.title = `${place(i, labels)}: ${row.write(i)}`;
    });
    if (chips[chosen]) {
      set(root, { "aria-activedescendant": chips[chosen].id });
      const [box, { offsetLeft: x, offsetTop: y, offsetWidth: w, offsetHeight: d }] = [root, chips[chosen]];
      if (x < box.scrollLeft || x + w > box.scrollLeft + box.clientWidth || y < box.scrollTop || y + d > box.scrollTop + box.clientHeight) {
        box.scrollTo(x - box.clientWidth / 2, y - box.clientHeight / 2);
      }
    }
  }

  return { root, draw };
}

// Number fields for layer and head.
export function selectionFields(store) {
  const layer = numberField("Layer", 0, 0, 1, (value) => store.set({ layer: Math.round(value) }));
  const head = numberField("Head", 0, 0, 1, (value) => store.set({ head: Math.round(value) }));
  return {
    root: h("div", { class: "g2x-row g2x-selection", role: "group", "aria-label": "Selection" }, layer.root, head.root),
    draw() {
      layer.input.max = store.layers() - 1;
      head.input.max = Math.max(...store.scene().grid) - 1;
      layer.show(store.get("layer"));
      head.show(store.get("head"));
    },
  };
}
