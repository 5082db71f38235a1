import { followAddress } from "./address.mjs";
import { changesPanel } from "./changes.mjs";
import { button, choice, h, heightAround, say, set, uniqueId } from "./dom.mjs";
import { generation } from "./generate.mjs";
import { samplingKnobs } from "./knobs.mjs";
import { patchChips } from "./patches.mjs";
import { predictionStrip } from "./prediction.mjs";
import { savePanel } from "./save.mjs";
import { secondSentence, selectionFields, textField, tokenStrip } from "./bar.mjs";
import { createStore } from "./store.mjs";
import { followTheme } from "./theme.mjs";
import { tourCard } from "./tour.mjs";
import { askAround } from "./weights.mjs";

const LEAST_PANEL = 220; // height below which the view is not squeezed, however low the window is
const SILENT = "No answer from Python yet: the kernel is busy, or it was restarted. After a restart, run this cell again.";

// An explorer that shows these views: name -> {
//   label        what its tab says
//   about        what one sees in it, in one line
//   create       store -> { root, draw, figures }; draw() is false while an answer is on its way
//   oneRun       whether it shows one of two runs, to be chosen; oneRunNow(store) if it does so at times
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
  const second = secondSentence(store);
  const strip = tokenStrip(store);
  const selection = selectionFields(store);
  const changes = changesPanel(store);
  const patches = patchChips(store);
  const status = h("p", { class: "g2x-status", role: "status" });
  const title = h("p", { class: "g2x-title" });
  const recorded = h("p", { class: "g2x-recorded", hidden: !store.get("_recorded"), text: "This page is a recording: choose tokens, heads and views; to edit the text or switch parts off, open the explorer in a notebook." });
  const panel = h("div", { class: "g2x-panel", role: "tabpanel", id: panelId, tabindex: -1 });
  const generate = generation(store);
  const knobs = samplingKnobs(store);
  const prediction = predictionStrip(store, generate);
  const tour = tourCard(store);
  const presenter = button("Presenter", () => store.set({ presenter: !store.get("presenter") }), { title: "Larger letters" });
  const which = choice("Which run", [["before", "before"], ["after", "after"]], store.showRun);
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
  const about = h("p", { class: "g2x-about", id: uniqueId("about") });
  const body = h("div", { class: "g2x-body" }, about, panel);
  set(panel, { "aria-describedby": about.id });
  // What was typed, what is off and what comes next stay; the view below scrolls.
  const stay = h("div", { class: "g2x-stay" },
    h("div", { class: "g2x-head" }, h("div", { class: "g2x-texts" }, field.root, second.root), second.opener, tour.opener, changes.opener, save.opener, presenter),
    title, strip.root, prediction.root,
    h("div", { class: "g2x-row g2x-which" }, generate.root, knobs.opener, changes.summary, selection.root, patches.root), status, tour.root,
    h("div", { class: "g2x-row g2x-between" }, tablist));
  const lower = h("div", { class: "g2x-lower" }, recorded, changes.root, save.root, knobs.root, which.root, body);
  const root = h("section", { class: "g2x", "aria-label": "GPT-2 explorer", "data-lm-suppress-shortcuts": "true", "data-jp-suppress-context-menu": "true" }, stay, lower);
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.replaceChildren(root);

  let scheduled = false;
  let missed = false; // not shown when it was to be drawn
  let drawn = "";

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    // A hidden tab gets no frames, and a picture must be there when it is shown.
    if (document.hidden) setTimeout(draw, 0);
    else requestAnimationFrame(draw);
  }

  function draw() {
    scheduled = false;
    if (!root.clientWidth) {
      // When it is shown, its size changes, and it is drawn. But what is hidden for less than a frame, as by
      // JupyterLab while it changes its theme, is not told: look once more.
      if (root.isConnected && !missed) schedule();
      missed = true;
      return;
    }
    missed = false;
    set(root, { "data-theme": store.theme, "data-presenter": String(store.get("presenter")) });
    set(presenter, { "aria-pressed": String(store.get("presenter")) });
    field.draw();
    second.draw();
    changes.draw();
    patches.draw();
    tellStatus();
    const scene = store.scene();
    say(title, store.get("title"));
    title.hidden = !store.get("title");
    root.classList.toggle("g2x-empty", !store.ready());
    if (!store.ready()) return;
    strip.draw();
    tour.draw();
    generate.draw();
    knobs.draw();
    prediction.draw();
    selection.draw();
    save.draw();
    const name = store.get("view");
    const kind = table[name];
    which.root.hidden = !(store.compared() && (kind.oneRun || kind.oneRunNow?.(store)));
    which.show(store.get("which_run") === "before" ? "before" : "after", scene.names);
    say(about, kind.about);
    for (const tab of tabs) {
      const chosen = tab.dataset.view === name;
      set(tab, { "aria-selected": String(chosen), tabindex: chosen ? 0 : -1 });
      if (chosen) set(panel, { "aria-labelledby": tab.id });
    }
    store.height = Math.max(LEAST_PANEL, heightAround(root) - stay.offsetHeight - 44);
    lower.style.maxHeight = `${store.height}px`;
    store.width = lower.clientWidth - 12;
    if (!views.has(name)) views.set(name, kind.create(store));
    const view = views.get(name);
    const complete = view.draw() !== false;
    if (complete && panel.firstElementChild !== view.root) {
      const focused = panel.contains(root.getRootNode().activeElement);
      panel.replaceChildren(view.root);
      lower.scrollTop = 0;
      if (focused) (view.focus ?? (() => panel.focus()))(); // else the keyboard is back at the page's start
    }
    set(panel, { "aria-busy": String(!complete) });
    if (complete) {
      drawn = [scene.rev, name, store.get("layer"), store.get("head"), store.token(), store.theme].join(" ");
      set(root, { "data-drawn": drawn });
      if (kind.neighbours) askAround(store);
    }
  }

  function tellStatus() {
    const scene = store.scene();
    const trouble = store.get("message");
    const notice = store.get("notice");
    const text = [store.silent() && SILENT, trouble, notice, scene.hint, scene.note].filter(Boolean).join(" ");
    if (text || !status.textContent.startsWith("Preparing")) say(status, text);
    status.classList.toggle("g2x-trouble", Boolean(trouble || notice));
    root.classList.toggle("g2x-old", Boolean(trouble || scene.hint));
  }

  store.listen((what) => {
    if (what === "answered") for (const one of [field, second]) one.arrived();
    schedule();
  });

  const forgetAddress = followAddress(store, Object.keys(table));
  const forgetTheme = followTheme((theme) => {
    if (theme !== store.theme) { store.theme = theme; schedule(); }
  });
  const sizeWatch = new ResizeObserver(() => schedule());
  sizeWatch.observe(root);
  schedule();

  return () => {
    forgetAddress();
    forgetTheme();
    sizeWatch.disconnect();
    field.destroy();
    second.destroy();
    generate.destroy();
    store.destroy();
  };
}
