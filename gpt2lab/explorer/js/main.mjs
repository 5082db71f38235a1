import { changesPanel } from "./changes.mjs";
import { choice, h, say, set, uniqueId } from "./dom.mjs";
import { createFigure } from "./figure.mjs";
import { drawNext } from "./views/next.mjs";
import { savePanel } from "./save.mjs";
import { selectionFields, textField, tokenStrip } from "./bar.mjs";
import { createStore } from "./store.mjs";
import { followTheme } from "./theme.mjs";
import { askAround } from "./weights.mjs";

const RAIL = 300; // width of the prediction, which stands beside the view, or below it if the view needs the room
const BESIDE = 1100; // from this width on, unless the view says otherwise
const SILENT = "No answer from Python yet: the kernel is busy, or it was restarted. After a restart, run this cell again.";

// An explorer that shows these views: name -> {
//   label        what its tab says
//   create       store -> { root, draw, figures }; draw() is false while an answer is on its way
//   prediction   false if the next token is not to stand beside it
//   besideFrom   the width from which on there is room for that beside it, else it stands below
//   oneRun       whether it shows one of two runs, to be chosen
//   neighbours   whether the heads around the selected one are likely to be wanted next
// }
export function renderer(table) {
  return ({ model, el }) => show(table, model, el);
}

function show(table, model, el) {
  const store = createStore(model);
  const panelId = uniqueId("panel");
  const views = new Map();
  const field = textField(store);
  const strip = tokenStrip(store);
  const selection = selectionFields(store);
  const changes = changesPanel(store);
  const status = h("p", { class: "g2x-status", role: "status" });
  const title = h("p", { class: "g2x-title" });
  const recorded = h("p", { class: "g2x-recorded", hidden: !store.get("_recorded"), text: "This page is a recording: choose tokens, heads and views; to edit the text or switch parts off, open the explorer in a notebook." });
  const panel = h("div", { class: "g2x-panel", role: "tabpanel", id: panelId, tabindex: -1 });
  const rail = createFigure("");
  const railBox = h("aside", { class: "g2x-rail", "aria-label": "Prediction" }, rail.root);
  const which = choice("Which run", [["before", "before"], ["after", "after"]], (value) => {
    store.which = value;
    store.changed("selection");
  });
  const save = savePanel(store, () => views.get(store.get("view")), () => getComputedStyle(root).backgroundColor, (text) => say(status, text));
  const tabs = Object.entries(table).map(([name, { label }]) => h("button", {
    type: "button", role: "tab", id: uniqueId("tab"), text: label, "aria-controls": panelId, "data-view": name,
    onclick: () => store.set({ view: name }),
  }));
  const tablist = h("div", { class: "g2x-tabs", role: "tablist", "aria-label": "Views" }, tabs);
  tablist.addEventListener("keydown", (event) => {
    const at = tabs.findIndex((tab) => tab.dataset.view === store.get("view"));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    store.set({ view: tab.dataset.view });
    tab.focus();
  });
  const body = h("div", { class: "g2x-body" }, panel, railBox);
  const root = h("section", { class: "g2x", "aria-label": "GPT-2 explorer", "data-lm-suppress-shortcuts": "true", "data-jp-suppress-context-menu": "true" },
    h("div", { class: "g2x-head" }, field.root, changes.opener, save.opener),
    title, recorded, changes.root, save.root, strip.root,
    h("div", { class: "g2x-row g2x-between" }, tablist, selection.root),
    h("div", { class: "g2x-row g2x-which" }, which.root, changes.summary),
    status, body);
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.replaceChildren(root);

  let scheduled = false;
  let drawn = "";
  let railShows = {}; // another head leaves the prediction as it is

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    // A hidden tab gets no frames, and a picture must be there when it is shown.
    if (document.hidden) setTimeout(draw, 0);
    else requestAnimationFrame(draw);
  }

  function draw() {
    scheduled = false;
    if (!root.isConnected) return;
    set(root, { "data-theme": store.theme, "data-presenter": String(store.get("presenter")) });
    field.draw();
    changes.draw();
    tellStatus();
    const scene = store.scene();
    say(title, store.get("title"));
    title.hidden = !store.get("title");
    root.classList.toggle("g2x-empty", !store.ready());
    if (!store.ready()) return;
    strip.draw();
    selection.draw();
    save.draw();
    const name = store.get("view");
    const kind = table[name];
    which.root.hidden = !(store.compared() && kind.oneRun);
    which.show(store.which === "before" ? "before" : "after", scene.names);
    for (const tab of tabs) {
      const chosen = tab.dataset.view === name;
      set(tab, { "aria-selected": String(chosen), tabindex: chosen ? 0 : -1 });
      if (chosen) set(panel, { "aria-labelledby": tab.id });
    }
    const withRail = scene.can.next && kind.prediction !== false;
    const beside = withRail && root.clientWidth > (kind.besideFrom ?? BESIDE) * (store.get("presenter") ? 1.15 : 1);
    railBox.hidden = !withRail;
    body.classList.toggle("g2x-below", withRail && !beside);
    const narrower = root.clientWidth < 1000 ? 260 : RAIL;
    const railWidth = beside ? narrower * store.scale() : Math.min(root.clientWidth - 30, 460 * store.scale());
    store.width = root.clientWidth - 26 - (beside ? railWidth + 24 : 0);
    if (!views.has(name)) views.set(name, kind.create(store));
    const view = views.get(name);
    const complete = view.draw() !== false;
    if (complete && panel.firstElementChild !== view.root) panel.replaceChildren(view.root);
    if (withRail) drawRail(railWidth);
    set(panel, { "aria-busy": String(!complete) });
    if (complete) {
      drawn = [scene.rev, name, store.get("layer"), store.get("head"), store.token(), store.theme].join(" ");
      set(root, { "data-drawn": drawn });
      if (kind.neighbours) askAround(store);
    }
  }

  function drawRail(width) {
    const answer = store.next(store.token());
    if (!answer || (answer === railShows.answer && width === railShows.width)) return;
    railShows = { answer, width };
    if (answer.error) {
      rail.size(width, 4); // the sentence wraps at the figure's width
      rail.name(answer.error);
      rail.draw();
    } else drawNext(rail, store, answer.meta, { width, most: store.compared() ? 9 : 11, compact: true });
  }

  function tellStatus() {
    const scene = store.scene();
    const trouble = store.get("message");
    const text = [store.silent() && SILENT, trouble, scene.hint, scene.note].filter(Boolean).join(" ");
    if (text || !status.textContent.startsWith("Preparing")) say(status, text);
    status.classList.toggle("g2x-trouble", Boolean(trouble));
    root.classList.toggle("g2x-old", Boolean(trouble || scene.hint));
  }

  store.listen((what) => {
    if (what === "answered") field.arrived();
    schedule();
  });

  const forgetTheme = followTheme((theme) => {
    if (theme !== store.theme) { store.theme = theme; schedule(); }
  });
  const sizeWatch = new ResizeObserver(() => schedule());
  sizeWatch.observe(root);
  schedule();

  return () => {
    forgetTheme();
    sizeWatch.disconnect();
    field.destroy();
    store.destroy();
  };
}
