// What the views share: the selection (traits), the scene, and answers to questions asked of Python.

const KEEP_BYTES = 48_000_000; // answers kept in the browser
const SILENCE = 10_000; // milliseconds without an answer until the page says so

// Must be written as Knobs.thousandths in screen.py writes it, digit for digit: halves go up.
export function nextQuestion(token, temperature, topK, topP) {
  return ["next", token, Math.round(temperature * 1000), topK, Math.max(1, Math.round(topP * 1000))].join("/");
}

// The list with a word, or without it if it was there.
export function toggled(ablated, word) {
  return ablated.includes(word) ? ablated.filter((other) => other !== word) : [...ablated, word];
}

export function createStore(model) {
  const answers = new Map(); // question -> { meta, buffers, size } or { error }
  const waiting = new Set();
  const fetching = new Map(); // question -> what to do with the answer
  const listeners = new Set();
  let outbox = [];
  let held = 0;
  let revision = null;
  let watch = 0;
  let silent = false;
  let running = false; // the model, on a text or a change that was sent

  const store = {
    theme: "light",
    width: 900, // of a view, and the height that is seen of it at once
    height: 500,
    showRun: (which_run) => store.set({ which_run }),
    // What the pointer or the keyboard's focus is on, before a click: { layer, head }, { token } or { next }.
    pointed: {},
    point(what) {
      if (JSON.stringify(what) === JSON.stringify(store.pointed)) return;
      store.pointed = what;
      store.changed("pointed");
    },
    get: (name) => model.get(name),
    scene: () => model.get("_scene") ?? {},
    ready: () => (store.scene().runs ?? []).length > 0,
    // Two sentences in one model: run 1 has tokens of its own.
    sentences: () => Boolean(store.scene().labels_b),
    labels: (run = store.run()) => (run > 0 ? store.scene().labels_b : null) ?? store.scene().labels ?? [],
    T: () => (store.scene().labels ?? []).length,
    token: () => (store.get("token") < 0 ? store.T() + store.get("token") : store.get("token")),
    // The positions of the queries: one, or a span of them.
    span() {
      const [from, to] = [store.get("span"), store.token()].sort((a, b) => a - b);
      return from < 0 ? [to] : Array.from({ length: to - from + 1 }, (_, i) => from + i);
    },
    // The same, or the one that is pointed at.
    queries: () => (store.pointed.token === undefined ? store.span() : [store.pointed.token]),
    last: () => store.scene().runs.length - 1,
    compared: () => store.ready() && store.last() > 0,
    // The run a single picture shows.
    run: () => (store.get("which_run") === "before" ? 0 : store.last()),
    // Of two models, whichever has more; parts are heads that can be switched off.
    heads: (layer) => store.scene().grid[layer] ?? 0,
    layers: () => store.scene().grid?.length ?? 0,
    parts: (layer) => (store.scene().can.change ? store.scene().shape[layer] ?? 0 : 0),
    layerName: (layer) => store.scene().layers?.[layer] ?? `layer ${layer}`,
    role: (layer, head) => store.scene().runs[store.run()]?.roles[layer]?.[head],
    scale: () => (store.get("presenter") ? 1.4 : 1),

    set(values) {
      let changed = false;
      if ("token" in values) values = { span: -1, ...values };
      store.pointed = {}; // what is chosen is shown, wherever the pointer rests
      for (const [name, value] of Object.entries(values)) {
        if (JSON.stringify(model.get(name)) === JSON.stringify(value)) continue;
        model.set(name, value);
        changed = true;
      }
      if (!changed) return false;
      deliver(() => model.save_changes());
      if (["text", "text_b", "ablated", "patched", "_tokens"].some((name) => name in values)) {
        running = true;
        expect();
      }
      return true;
    },

    // Whether a head adds nothing in the run a picture shows.
    headIsOff: (layer, head, run) => [`head ${layer}.${head}`, `attention ${layer}`].some((word) => store.isOff(word, run)),
    isOff: (word, run = store.run()) => (run > 0 || store.sentences()) && store.get("ablated").includes(word),

    // Switch a part off or on again, where there is somebody to run the model without it.
    toggle(word) {
      if (store.scene().can?.change) store.set({ ablated: toggled(store.get("ablated"), word) });
    },

    // Where a patch takes from ("" until it was chosen), and whether those of whole parts are at all positions.
    patchFrom: "",
    patchAll: false,

    // The answer, or null if it is on its way: whoever gets null keeps the old picture.
    ask(question) {
      const known = answers.get(question);
      if (known) {
        answers.delete(question); // back in as the most recent
        answers.set(question, known);
        return known;
      }
      if (!waiting.has(question)) {
        waiting.add(question);
        outbox.push(question);
        if (outbox.length === 1) queueMicrotask(flush);
      }
      return null;
    },
    // A question names everything its answer depends on, so that no late answer can be taken for another.
    nextQuestion: (token) => nextQuestion(token, store.get("temperature"), store.get("top_k"), store.get("top_p")),
    next: (token) => store.ask(store.nextQuestion(token)),
    has: (question) => answers.has(question),
    // A file depends on everything, so its answer is never kept and goes to whoever asked for it.
    fetch(question, then) {
      fetching.set(question, then);
      outbox.push(question);
      flush();
    },
    silent: () => silent,
    listen: (listener) => listeners.add(listener),
    changed: (what) => listeners.forEach((listener) => listener(what)),
    refresh,
    destroy() {
      clearTimeout(watch);
      for (const [event, handler] of handlers) model.off(event, handler);
      listeners.clear();
      answers.clear();
    },
  };

  function flush() {
    const want = outbox;
    outbox = [];
    if (!want.length) return;
    deliver(() => model.send({ want }));
    expect();
  }

  // After a restart of the kernel there is nobody at the other end; then sending fails.
  function deliver(send) {
    try { send(); } catch { tellSilence(true); }
  }

  function expect() {
    if (watch) return;
    watch = setTimeout(() => {
      watch = 0;
      if (running || waiting.size || fetching.size) tellSilence(true);
    }, SILENCE);
  }

  function heard() {
    clearTimeout(watch);
    watch = 0;
    expect();
    tellSilence(false);
  }

  function tellSilence(now) {
    if (silent === now) return;
    silent = now;
    store.changed("status");
  }

  function keep(question, answer) {
    held -= answers.get(question)?.size ?? 0;
    answers.delete(question);
    answer.size = (answer.buffers ?? []).reduce((sum, b) => sum + b.byteLength, 0);
    held += answer.size;
    answers.set(question, answer);
    for (const [oldest, { size }] of answers) {
      if (held <= KEEP_BYTES || oldest === question) break;
      answers.delete(oldest);
      held -= size;
    }
  }

  // A new scene makes old answers wrong; it brings the first new ones along.
  function refresh() {
    const scene = store.scene();
    if (scene.rev === revision) return;
    revision = scene.rev;
    store.pointed = {};
    answers.clear();
    held = 0;
    waiting.clear();
    for (const [question, answer] of Object.entries(scene.first ?? {})) keep(question, answer);
  }

  function receive(content, buffers) {
    if (!content?.question) return;
    const { question } = content;
    const answer = content.error ? { error: content.error } : { meta: content.meta, buffers: buffers ?? [] };
    heard();
    const then = fetching.get(question);
    if (then) {
      fetching.delete(question);
      then(answer);
      return;
    }
    if (content.rev !== revision) return; // about a text that is gone
    waiting.delete(question);
    keep(question, answer);
    store.changed("data");
  }

  const handlers = [["msg:custom", receive], ["change:_scene", () => { refresh(); store.changed("scene"); }], ["change:_answered", () => { running = false; heard(); store.changed("answered"); }]];
  for (const name of ["layer", "head", "token", "key", "view", "step", "presenter", "temperature", "top_k", "top_p", "also", "span", "which_run", "weighted"]) {
    handlers.push([`change:${name}`, () => store.changed("selection")]);
  }
  for (const name of ["text", "text_b", "ablated", "patched", "message", "notice", "title"]) {
    handlers.push([`change:${name}`, () => store.changed("input")]);
  }
  for (const [event, handler] of handlers) model.on(event, handler);
  refresh();
  return store;
}
