// Who keeps the attempts: Python, through the traits of a widget, or the browser, for a page without Python.

const PATIENCE = 10_000; // milliseconds without a word from Python until the page says so
const NOBODY = "No answer from Python: the kernel is busy, or it was restarted. Run this cell again before you go on, or what you answer here is not kept.";

// `_attempts` is { n, kept: { id: attempt } }; n is the number of the last message that Python has seen.
export function modelHost(model) {
  let sent = 0;
  let kept = {};
  let timer = 0;
  let silent = false;
  const listeners = new Set();
  const tell = () => listeners.forEach((listener) => listener());
  const take = () => {
    const { n = 0, kept: told = {} } = model.get("_attempts") ?? {};
    if (n < sent) return false; // older than what is shown
    sent = n;
    kept = told;
    return true;
  };
  const hear = () => {
    if (!take()) return;
    clearTimeout(timer);
    timer = 0;
    silent = false;
    tell();
  };
  const lose = () => {
    timer = 0;
    silent = true;
    tell();
  };
  const send = (content) => {
    sent += 1;
    try { model.send({ ...content, n: sent }); } catch { lose(); return; }
    timer ||= setTimeout(lose, PATIENCE);
  };
  const handlers = [["change:_attempts", hear], ["change:_message", tell], ["change:_progress", tell]];
  for (const [event, handler] of handlers) model.on(event, handler);
  take();
  return {
    load: () => kept,
    save(id, attempt) {
      kept = { ...kept, [id]: attempt };
      send({ id, attempt });
    },
    listen(then) {
      listeners.add(then);
      return () => {
        listeners.delete(then);
        clearTimeout(timer);
        for (const [event, handler] of handlers) model.off(event, handler);
      };
    },
    refresh: () => send({ progress: true }),
    progress: () => model.get("_progress") ?? [],
    message: () => (silent ? NOBODY : model.get("_message") ?? ""),
    href: besides(model),
  };
}

// Links to notebooks in the same folder, which JupyterLab opens as it does those of a markdown cell. Elsewhere,
// such as in VS Code, neither the path of the notebook nor a handler of links is known, and nothing is a link.
function besides(model) {
  const path = model.widget_manager?.context?.path;
  const handler = model.widget_manager?.rendermime?.linkHandler;
  if (typeof path !== "string" || !path.endsWith(".ipynb") || !handler) return () => null;
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return ({ chapter, anchor, elsewhere }) => {
    if (!elsewhere && !anchor) return null; // the page looks for the heading itself
    const file = elsewhere ? `${folder}${chapter}.ipynb` : path;
    return { address: encodeURI(anchor) || "#", open: (link) => handler.handleLink(link, file, anchor) };
  };
}

// Under one key of the browser's storage. What cannot be read there counts as nothing answered.
// href({ chapter, heading }) gives the address of a heading, or null.
export function storageHost(storage, key, href = () => null) {
  let message = "";
  let kept = {};
  const read = () => {
    try {
      const found = JSON.parse(storage.getItem(key) ?? "{}");
      return found && typeof found === "object" && !Array.isArray(found) ? found : {};
    } catch { return {}; }
  };
  kept = read();
  return {
    load: () => kept,
    save(id, attempt) {
      kept = { ...read(), ...kept, [id]: attempt }; // another page may have written meanwhile
      try {
        storage.setItem(key, JSON.stringify(kept));
        message = "";
      } catch { message = "This browser keeps no answers: they are gone when you leave the page."; }
    },
    listen: () => () => {},
    refresh() {},
    progress: () => [],
    message: () => message,
    href,
  };
}

// A seed of one's own under a key; 0 where nothing can be kept.
export function storedSeed(storage, key) {
  try {
    if (!/^\d{1,10}$/.test(storage.getItem(key) ?? "")) storage.setItem(key, String(Math.floor(Math.random() * 2 ** 31)));
    return Number(storage.getItem(key));
  } catch { return 0; }
}
