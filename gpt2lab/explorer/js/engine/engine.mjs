// The explorer without Python: it keeps the traits, runs the model when one of them asks for it, and answers questions.
// The counterpart of explorer.py, behind the same protocol; see page/model.mjs for the widget's side of it.
import { answerOf } from "./answers.mjs";
import { rowsInCommon } from "./gpt2.mjs";
import { checkPlaces, readPatches, withValues } from "./patches.mjs";
import { sceneOf, summarisedRun } from "./scene.mjs";
import { aligned } from "./sentences.mjs";
import { wholeCharacters } from "./tokenizer.mjs";

const FAILED = "The model could not be run. ";
const HINT = "Type a sentence to see what the model does with it.";
const UNKNOWN = "This model has no token for any of that: it knows the words of its task only.";
const LONGEST_TOKEN = 128; // bytes of GPT-2's longest token: more text than this per position never fits
const BLANK = "[\\p{White_Space}\\x1c-\\x1f]+";
const TYPED = new RegExp(`^(?:${BLANK})?ids:(?:${BLANK})?(?=[0-9])(.*)$`, "su");
const BETWEEN = new RegExp(`${BLANK}|,`, "u");
const AROUND = new RegExp(`^${BLANK}|${BLANK}$`, "gu");

const thousands = (n) => n.toLocaleString("en");
const alike = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// state: the traits by name. tell(names): these traits have other values now.
export function createEngine(model, tokenizer, state, tell) {
  const { context_length: context, vocab_size } = model.config;
  const shape = model.blocks.map((block) => block.heads);
  const kept = new Map(); // the last unpatched run of each kind: "whole", "changed", or of the "other" sentence
  // What is on screen, with the unpatched runs that patches take from: `base` of this sentence, `other` of the second one
  // or null, each with what is off, and how many tokens the two sentences have.
  let shown = { runs: [], label: tokenizer.label };
  let given = null; // ids that were set as such, and the text they stand for
  let rev = 0;
  const screen = () => shown;

  // An unpatched run: the one of before, or one that takes over what it can.
  function runOf(kind, ids, ablated) {
    const last = kept.get(kind);
    const like = last && alike(last.ablated, ablated) ? last.run : null;
    if (like && alike(like.ids, ids)) return like;
    const run = summarisedRun(model, ids, ablated, { like, rows: rowsInCommon(ids, like) });
    kept.set(kind, { ablated, run });
    return run;
  }

  // What two sentences, the second perhaps empty, put on screen.
  function screenOf(first, second) {
    const { ablated, patched } = state;
    const patches = readPatches(patched, shape);
    const [ids, ids_b, cut] = aligned(first, second);
    const counts = [first.length, second.length];
    const base = runOf(ablated.length ? "changed" : "whole", ids, ablated);
    const other = second.length ? runOf("other", ids_b, ablated) : null;
    const common = { label: tokenizer.label, base, other, counts, cut, sentences: false };
    if (!patches.length) {
      if (other) return { ...common, runs: [base, other], sentences: true };
      return { ...common, runs: ablated.length ? [runOf("whole", ids, []), base] : [base] };
    }
    for (const patch of patches) {
      checkPlaces([patch], ids.length);
      if (patch.source === "other" && !other) throw new Error(`'${patch.word}' takes from the other sentence: type a second sentence first`);
      if (patch.source === "other" && counts[0] !== counts[1]) {
        throw new Error(`'${patch.word}' takes from the same place in the other sentence: both need the same number of tokens, got ${counts[0]} and ${counts[1]}`);
      }
    }
    const layer = Math.min(...patches.map((patch) => patch.layer)); // below it, all is as without patches
    const after = summarisedRun(model, ids, ablated, { patches: withValues(patches, base, other), like: base, layer });
    return { ...common, runs: [runOf("whole", ids, []), after] };
  }

  function fitting(ids, atLeast = "") {
    if (ids.length <= context) return [ids, ""];
    const note = `The text has ${atLeast}${thousands(ids.length)} tokens, the context holds ${thousands(context)}: only the first ${thousands(context)} are shown.`;
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

  function tokens(words, ids) {
    const typed = ids ?? typedIds(words);
    if (typed) return fitting(typed);
    const letters = Array.from(words);
    const limit = LONGEST_TOKEN * context;
    const text = letters.slice(0, limit).join("");
    const cut = tokenizer.encode(text);
    if (cut.length > context) return fitting(cut, letters.length > limit ? "more than " : "");
    const [unknown] = tokenizer.leftOut(text).map((part) => part.replace(AROUND, "")).filter(Boolean);
    return [cut, unknown ? `No token for ‘${Array.from(unknown).slice(0, 40).join("")}’: left out.` : ""];
  }

  const position = (T) => (state.token < 0 ? state.token + T : state.token);

  function rerun() {
    const before = { ...state };
    state._answered += 1;
    state.message = "";
    try {
      const [first, note] = tokens(state.text, given?.ids);
      const [second, noteB] = first.length ? tokens(state.text_b, null) : [[], ""];
      if (first.length) show(first, second, [note, noteB]);
      else state._scene = { ...state._scene, hint: note ? UNKNOWN : HINT, note: "" };
    } catch (error) {
      state.message = `${FAILED}${error.message}`;
      state._scene = { ...state._scene, hint: "" };
    }
    return Object.keys(state).filter((name) => state[name] !== before[name]);
  }

  function show(first, second, notes) {
    const now = screenOf(first, second);
    const [T, before] = [now.base.T, shown.base?.T];
    const at = position(before ?? T);
    const wasLast = before !== undefined && at === before - 1;
    shown = now;
    rev += 1;
    state.token = wasLast ? T - 1 : Math.min(at, T - 1);
    if (state.key >= T) state.key = -1;
    if (state.span >= T) state.span = -1;
    state._scene = sceneOf(now, { rev, text: state.text, note: [...notes, now.cut].filter(Boolean).join(" "), state });
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
    if (names.includes("text_b")) {
      const whole = wholeCharacters(state.text_b);
      if (whole !== state.text_b) note(["text_b"]);
      state.text_b = whole;
    }
    if (names.includes("_tokens") && !alike(state._tokens, given?.ids ?? [])) {
      if (state._tokens.length) note(give(state._tokens));
      else {
        given = null;
        note(rerun());
      }
    } else if (["text", "text_b", "ablated", "patched"].some((name) => names.includes(name))) note(rerun());
    if (changed.size) tell([...changed]);
  }

  function answer(question) {
    try {
      return { rev, ...answerOf(screen(), question) };
    } catch (error) {
      return { rev, error: error.message };
    }
  }

  state.patched ??= [];
  state.text = wholeCharacters(state.text);
  state.text_b = wholeCharacters(state.text_b);
  if (state._tokens.length) give(state._tokens);
  else rerun();
  return { receive, answer, screen };
}
