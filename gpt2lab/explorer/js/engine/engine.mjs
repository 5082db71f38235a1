// The explorer without Python: it keeps the traits, runs the model when one of them asks for it, and answers questions.
// The counterpart of explorer.py, behind the same protocol; see page/model.mjs for the widget's side of it.
import { answerOf } from "./answers.mjs";
import { sceneOf, summarisedRun } from "./scene.mjs";
import { wholeCharacters } from "./tokenizer.mjs";

const FAILED = "The model could not be run. ";
const HINT = "Type a sentence to see what the model does with it.";
const UNKNOWN = "This model has no token for any of that: it knows the words of its task only.";
const LONGEST_TOKEN = 128; // bytes of GPT-2's longest token: more text than this per position never fits
const BLANK = "[\\p{White_Space}\\x1c-\\x1f]+";
const TYPED = new RegExp(`^(?:${BLANK})?ids:(?:${BLANK})?(?=[0-9])(.*)$`, "su");
const BETWEEN = new RegExp(`${BLANK}|,`, "u");
const AROUND = new RegExp(`^${BLANK}|${BLANK}$`, "gu");

const counted = (n) => n.toLocaleString("en");
const alike = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// state: the traits by name. tell(names): these traits have other values now.
export function createEngine(model, tokenizer, state, tell) {
  const { context_length: context, vocab_size } = model.config;
  let runs = [];
  let base = null; // the run of the whole model: an ablation need not run it again
  let changedBy = []; // what is off in the second run
  let given = null; // ids that were set as such, and the text they stand for
  let rev = 0;
  const screen = () => ({ runs, label: tokenizer.label });

  function fitting(ids, atLeast = "") {
    if (ids.length <= context) return [ids, ""];
    const note = `The text has ${atLeast}${counted(ids.length)} tokens, the context holds ${counted(context)}: only the first ${counted(context)} are shown.`;
    return [ids.slice(0, context), note];
  }

  function outside(ids) {
    const most = Math.max(...ids);
    const wrong = ids.find((id) => !Number.isInteger(id) || id < 0) ?? (most >= vocab_size ? most : undefined);
    return wrong === undefined ? "" : `token ids must lie in [0, ${vocab_size}), got ${wrong}`;
  }

  // The ids that a text such as "ids: 50256 318" asks for; null for any other. What cannot be is a sentence.
  function typedIds(text) {
    const found = TYPED.exec(text);
    if (!found) return null;
    const words = found[1].split(BETWEEN).filter(Boolean);
    const wrong = words.find((word) => !/^[0-9]{1,9}$/.test(word));
    if (wrong !== undefined) throw new Error(`behind ids: expected token ids such as 50256 318, got '${wrong.slice(0, 40)}'`);
    const ids = words.map(Number);
    if (outside(ids)) throw new Error(outside(ids));
    return ids;
  }

  function tokens() {
    const typed = given ? given.ids : typedIds(state.text);
    if (typed) return fitting(typed);
    const letters = Array.from(state.text);
    const limit = LONGEST_TOKEN * context;
    const text = letters.slice(0, limit).join("");
    const ids = tokenizer.encode(text);
    if (ids.length > context) return fitting(ids, letters.length > limit ? "more than " : "");
    const [unknown] = tokenizer.leftOut(text).map((part) => part.replace(AROUND, "")).filter(Boolean);
    return [ids, unknown ? `No token for ‘${Array.from(unknown).slice(0, 40).join("")}’: left out.` : ""];
  }

  const position = (T) => (state.token < 0 ? state.token + T : state.token);

  function rerun() {
    const before = { ...state };
    state._answered += 1;
    state.message = "";
    let [ids, note] = [[], ""];
    try { [ids, note] = tokens(); } catch (error) { state.message = `${FAILED}${error.message}`; }
    if (state.message) {
      state._scene = { ...state._scene, hint: "" };
    } else if (!ids.length) {
      state._scene = { ...state._scene, hint: note ? UNKNOWN : HINT, note: "" };
    } else {
      const T = ids.length;
      const at = position(runs[0]?.T ?? T);
      const wasLast = runs.length > 0 && at === runs[0].T - 1;
      if (!base || !alike(base.ids, ids)) base = summarisedRun(model, ids, [], base);
      const like = alike(state.ablated, changedBy) ? runs[1] : null;
      runs = state.ablated.length ? [base, summarisedRun(model, ids, state.ablated, like)] : [base];
      changedBy = state.ablated;
      rev += 1;
      state.token = wasLast ? T - 1 : Math.min(at, T - 1);
      if (state.key >= T) state.key = -1;
      if (state.span >= T) state.span = -1;
      state._scene = sceneOf(screen(), { rev, text: state.text, note, state });
    }
    return Object.keys(state).filter((name) => state[name] !== before[name]);
  }

  function give(ids) {
    if (outside(ids)) {
      state.message = `${FAILED}${outside(ids)}`;
      state._tokens = given?.ids ?? [];
      return ["message", "_tokens"];
    }
    given = { ids, text: wholeCharacters(tokenizer.decode(ids)) };
    state._tokens = ids;
    const changed = state.text !== given.text;
    state.text = given.text;
    return [...(changed ? ["text"] : []), ...rerun()];
  }

  // The page has set these traits.
  function receive(names) {
    const changed = new Set();
    const note = (more) => more.forEach((name) => changed.add(name));
    if (names.includes("text")) {
      const whole = wholeCharacters(state.text);
      if (whole !== state.text) note(["text"]);
      state.text = whole;
      if (given && state.text !== given.text) {
        given = null;
        if (!names.includes("_tokens")) state._tokens = [];
        note(["_tokens"]);
      }
    }
    if (names.includes("_tokens") && !alike(state._tokens, given?.ids ?? [])) {
      if (state._tokens.length) note(give(state._tokens));
      else {
        given = null;
        note(rerun());
      }
    } else if (names.includes("text") || names.includes("ablated")) note(rerun());
    if (changed.size) tell([...changed]);
  }

  function answer(question) {
    try {
      return { rev, ...answerOf(screen(), question) };
    } catch (error) {
      return { rev, error: error.message };
    }
  }

  state.text = wholeCharacters(state.text);
  if (state._tokens.length) give(state._tokens);
  else rerun();
  return { receive, answer, screen };
}
