import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { modelHost, storageHost, storedSeed } from "../../gpt2lab/widgets/js/hosts.mjs";
import { isAnswer, markAnswer, parseNumber, solution, toAnswer } from "../../gpt2lab/widgets/js/marking.mjs";
import { outcome, score } from "../../gpt2lab/widgets/js/pages.mjs";
import { plainHeading } from "../../gpt2lab/widgets/js/see.mjs";
import { createSession } from "../../gpt2lab/widgets/js/session.mjs";
import { shuffled } from "../../gpt2lab/widgets/js/shuffle.mjs";

const option = (text, right, why = "") => ({ text, right, why, see: null });
const base = { see: { chapter: "c", heading: "H" }, code: "", options: [], wrong: [], unit: "", grid: null };
const SINGLE = { ...base, id: "S", kind: "single", options: [option("a", true), option("b", false, "no b"), option("c", false, "no c")] };
const MULTIPLE = { ...base, id: "M", kind: "multiple", options: [option("a", true), option("b", false, "no b"), option("c", true, "c too")] };
const NUMBER = { ...base, id: "N", kind: "number", value: 0.3, tolerance: 0.01, unit: "nats", why: "count", wrong: [{ value: 0.7, why: "other log", see: null }] };
const ORDER = { ...base, id: "O", kind: "order", options: ["a", "b", "c"].map((text) => option(text, false, `${text} later`)) };
const POINT = { ...base, id: "P", kind: "point", why: "look", wrong: [{ cells: [[0, 1]], why: "turned", see: null }], grid: { values: [[1, null], [0.5, 0.5]], rows: ["x", "y"], columns: ["x", "y"], right: [[1, 0]] } };
const ALL = [SINGLE, MULTIPLE, NUMBER, ORDER, POINT];

// The browser's storage, which may refuse.
function fakeStorage(start = {}) {
  const held = new Map(Object.entries(start));
  return {
    full: false,
    getItem: (key) => held.get(key) ?? null,
    setItem(key, value) { if (this.full) throw new Error("quota"); held.set(key, String(value)); },
  };
}

function fakeModel(state) {
  const handlers = new Map();
  return {
    sent: [],
    get: (name) => state[name],
    set(name, value) { state[name] = value; handlers.get(`change:${name}`)?.(); },
    on: (event, handler) => handlers.set(event, handler),
    off: (event) => handlers.delete(event),
    send(content) { this.sent.push(content); },
  };
}

test("each kind is marked, and a wrong answer gets its own reason", () => {
  const why = (question, answer) => markAnswer(question, answer).reasons.map((reason) => reason.why);
  assert.deepEqual([why(SINGLE, "a"), why(SINGLE, "b")], [[], ["no b"]]);
  assert.deepEqual([why(MULTIPLE, ["a", "c"]), why(MULTIPLE, ["a", "b"])], [[], ["no b", "c too"]]);
  assert.deepEqual([why(NUMBER, 0.31), why(NUMBER, 0.7), why(NUMBER, 9)], [[], ["other log"], ["count"]]);
  assert.deepEqual([why(ORDER, ["a", "b", "c"]), why(ORDER, ["a", "c", "b"])], [[], ["c later"]]);
  assert.deepEqual([why(POINT, [1, 0]), why(POINT, [0, 1]), why(POINT, [0, 0])], [[], ["turned"], ["look"]]);
  assert.deepEqual(ALL.map(solution), ["a", "a; c", "0.3 nats", "a → b → c", "row y, column x"]);
});

test("numbers are read as people write them", () => {
  const read = { "2,359,296": 2359296, "2 359 296": 2359296, "0,25": 0.25, "-.5": -0.5, "−3": -3, "1e-5": 1e-5, "0.3 nats": 0.3, "7.": 7 };
  for (const [text, value] of Object.entries(read)) assert.equal(parseNumber(text, "nats"), value, text);
  for (const text of ["", "x", "1,2,3", "0x10", "1 or 2", "Infinity", "1e999x"]) assert.ok(Number.isNaN(parseNumber(text)), text);
  assert.deepEqual(toAnswer(NUMBER, "1e999").answer, undefined);
});

test("what cannot be marked says what is missing", () => {
  for (const question of [SINGLE, MULTIPLE, NUMBER, POINT]) assert.match(toAnswer(question, null).lacks, /^(Choose|Type)/);
});

test("options keep their order for a seed, and an order never begins in its right one", () => {
  const orders = new Set();
  for (let seed = 0; seed < 200; seed++) {
    assert.deepEqual([...shuffled(SINGLE, seed)].sort(), [0, 1, 2]);
    assert.notDeepEqual(shuffled(ORDER, seed), [0, 1, 2]);
    orders.add(shuffled(SINGLE, seed).join(""));
  }
  assert.equal(orders.size, 6);
});

test("a session asks, marks, shows, asks again, and goes on where the learner was", () => {
  const storage = fakeStorage();
  const host = storageHost(storage, "quiz");
  const session = createSession(ALL, 1, host);
  assert.match(session.check(SINGLE), /Choose/);
  session.setDraft(SINGLE, "b");
  assert.equal(session.check(SINGLE), "");
  assert.deepEqual([session.status(SINGLE), session.mark(SINGLE).right], ["wrong", false]);
  session.setDraft(SINGLE, "a");
  assert.equal(session.mark(SINGLE), null); // the mark is about another answer
  session.check(SINGLE);
  assert.deepEqual(outcome(session, SINGLE), ["✓ Right", " at try 2."]);
  session.setDraft(MULTIPLE, ["a"]);
  session.check(MULTIPLE);
  assert.match(outcome(session, MULTIPLE)[1], /something is missing/);
  session.show(MULTIPLE);
  assert.deepEqual(outcome(session, MULTIPLE), ["○ The answer:", " a; c."]);
  session.setDraft(POINT, [1, 0]);
  session.check(POINT);
  assert.equal(score(session), "2 of 5 right, 1 of them at the first try.");

  const later = createSession(ALL, 1, storageHost(storage, "quiz"));
  assert.deepEqual([later.at, later.draft(SINGLE), later.status(POINT)], [2, "a", "right"]);
  later.again(MULTIPLE);
  assert.deepEqual([later.status(MULTIPLE), later.draft(MULTIPLE)], ["open", null]);
  later.setDraft(MULTIPLE, ["a", "c"]);
  later.check(MULTIPLE);
  assert.equal(later.attempt(MULTIPLE).first, false); // it had been shown
  later.show(ORDER);
  later.again(ORDER);
  later.setDraft(ORDER, ["a", "b", "c"]);
  later.check(ORDER);
  assert.deepEqual([later.status(ORDER), later.attempt(ORDER).tries, later.attempt(ORDER).first], ["right", 2, false]);
  later.go(99);
  assert.equal(later.at, 5);
});

test("one question has no last page", () => {
  const session = createSession([SINGLE], 0, storageHost(fakeStorage(), "quiz"));
  session.go(1);
  assert.equal(session.at, 0);
});

test("what somebody else left in the storage breaks nothing", () => {
  const wild = ["{", "[]", "3", "null", '{"S":3}', '{"S":{"answer":"zzz","tries":1}}', '{"S":{"answer":["a"],"tries":1}}', '{"S":{"answer":"b","right":true,"tries":-1}}', '{"P":{"answer":[9,9],"tries":1}}', '{"O":{"answer":["a","a","b"],"tries":1}}', '{"N":{"answer":null,"tries":"x"}}'];
  for (const text of wild) {
    const session = createSession(ALL, 0, storageHost(fakeStorage({ quiz: text }), "quiz"));
    assert.ok(ALL.every((question) => session.status(question) === "open"), text);
  }
  const lied = createSession(ALL, 0, storageHost(fakeStorage({ quiz: '{"S":{"answer":"b","right":true,"tries":1}}' }), "quiz"));
  assert.equal(lied.status(SINGLE), "wrong"); // marked anew
  assert.ok(!isAnswer(POINT, [0.5, 0]) && !isAnswer(MULTIPLE, []) && isAnswer(POINT, [0, 0]));
});

test("two pages keep each other's answers, and a full storage is a sentence", () => {
  const storage = fakeStorage();
  const [one, two] = [createSession(ALL, 0, storageHost(storage, "quiz")), createSession(ALL, 0, storageHost(storage, "quiz"))];
  for (const [session, question, draft] of [[one, SINGLE, "a"], [two, POINT, [1, 0]]]) {
    session.setDraft(question, draft);
    session.check(question);
  }
  assert.deepEqual(Object.keys(JSON.parse(storage.getItem("quiz"))).sort(), ["P", "S"]);
  storage.full = true;
  const host = storageHost(storage, "quiz");
  const session = createSession(ALL, 0, host);
  session.show(ORDER);
  assert.match(host.message(), /keeps no answers/);
  assert.equal(session.status(ORDER), "shown");
  assert.equal(storedSeed(storage, "seed"), 0);
  storage.full = false;
  assert.equal(storedSeed(storage, "seed"), storedSeed(storage, "seed"));
});

test("Python has the last word, but not an older one", () => {
  const model = fakeModel({ _attempts: { n: 0, kept: {} } });
  const host = modelHost(model);
  const session = createSession(ALL, 0, host);
  session.setDraft(SINGLE, "b");
  session.check(SINGLE);
  session.setDraft(SINGLE, "a");
  session.check(SINGLE);
  assert.deepEqual(model.sent.map(({ id, n, attempt }) => [id, n, attempt.tries]), [["S", 1, 1], ["S", 2, 2]]);
  model.set("_attempts", { n: 1, kept: { S: model.sent[0].attempt } }); // about the first of the two
  assert.equal(session.status(SINGLE), "right");
  model.set("_attempts", { n: 2, kept: {} }); // Python has forgotten it since
  assert.equal(session.status(SINGLE), "open");
  session.destroy();
});

test("silence and a dead kernel are said, and the answer stays on the page", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = fakeModel({ _attempts: { n: 0, kept: {} }, _message: "" });
  const host = modelHost(model);
  const session = createSession(ALL, 0, host);
  session.show(SINGLE);
  assert.equal(host.message(), "");
  mock.timers.tick(11_000);
  assert.match(host.message(), /Run this cell again/);
  model.set("_attempts", { n: 1, kept: { S: { answer: null, tries: 0, shown: true } } });
  assert.equal(host.message(), "");
  model.send = () => { throw new Error("Cannot send"); };
  session.show(ORDER);
  assert.match(host.message(), /Run this cell again/);
  assert.equal(session.status(ORDER), "shown");
  session.destroy();
  mock.timers.reset();
});

test("in JupyterLab a link opens the chapter beside the notebook, elsewhere nothing is a link", () => {
  const asked = [];
  const manager = { context: { path: "work/03_attention.ipynb" }, rendermime: { linkHandler: { handleLink: (link, path, id) => asked.push([link, path, id]) } } };
  const place = { chapter: "04_heads", anchor: "#heading=3-·-Joining:-W_O", elsewhere: true };
  const { href } = modelHost({ ...fakeModel({}), widget_manager: manager });
  assert.equal(href(place).address, "#heading=3-%C2%B7-Joining:-W_O");
  href(place).open("link");
  href({ ...place, elsewhere: false }).open("own");
  href({ ...place, anchor: "" }).open("top");
  assert.deepEqual(asked, [["link", "work/04_heads.ipynb", place.anchor], ["own", "work/03_attention.ipynb", place.anchor], ["top", "work/04_heads.ipynb", ""]]);
  assert.equal(href({ ...place, elsewhere: false, anchor: "" }), null); // the page looks for it
  for (const other of [undefined, {}, { ...manager, context: {} }, { ...manager, rendermime: undefined }]) {
    assert.equal(modelHost({ ...fakeModel({}), widget_manager: other }).href(place), null);
  }
});

test("a comma is read by the number that is asked for", () => {
  const asked = (value, text) => toAnswer({ ...NUMBER, value, unit: "" }, text).answer;
  assert.deepEqual(["1,342", "0,333", "2,359,296", "1,342.5"].map((text) => asked(1.342, text)), [1.342, 0.333, 2359296, 1342.5]);
  assert.deepEqual(["1,024", "0,333", "2,359,296"].map((text) => asked(2362368, text)), [1024, 0.333, 2359296]);
});

test("a heading is found without its number and its mark", () => {
  assert.equal(plainHeading("3 · Ids → vectors¶"), "Ids → vectors");
  assert.equal(plainHeading(" What `x` does "), "What x does");
});
