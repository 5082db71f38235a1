// What anywidget hands to `render`, without a widget: traits, their events, and somebody who answers.
// engine: { receive(names) is told what the page has set, answer(question) -> { rev, meta, buffers } or { rev, error } }

export function pageModel(state) {
  const handlers = new Map();
  const fire = (event, ...values) => (handlers.get(event) ?? []).forEach((handler) => handler(...values));
  const set = new Set();
  let engine = null;
  let post = []; // messages in the order in which they were sent, as a kernel gets them

  function later(message) {
    post.push(message);
    if (post.length === 1) setTimeout(deliver);
  }

  function deliver() {
    const messages = post;
    post = [];
    for (const message of messages) message();
  }

  return {
    answeredBy: (other) => { engine = other; },
    tell: (names) => names.forEach((name) => fire(`change:${name}`)),
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      set.add(name);
      fire(`change:${name}`);
    },
    save_changes() {
      const names = [...set];
      set.clear();
      if (names.length) later(() => engine.receive(names));
    },
    on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
    off: (event, handler) => handlers.set(event, (handlers.get(event) ?? []).filter((other) => other !== handler)),
    send: ({ want }) => later(() => want.forEach((question) => {
      const { buffers, ...content } = engine.answer(question);
      fire("msg:custom", { question, ...content }, buffers);
    })),
  };
}
