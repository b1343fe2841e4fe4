// JSON without loss: numbers are kept as they are written, since INT64 goes beyond what a
// JavaScript number holds, and answers have the bare tokens NaN, Infinity and -Infinity.

/** A number as it was written. */
export class Token {
  constructor(text) {
    this.text = text;
  }
  toString() {
    return this.text;
  }
  valueOf() {
    return numberOf(this.text);
  }
}

/** The nearest number of JavaScript. */
export function numberOf(text) {
  return text === "null" ? NaN : Number(text);
}

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:Infinity|NaN|(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;
const WORD = /true|false|null/y;
const MOST_DEEP = 60;

/** Reads a text: objects, lists, texts, booleans and null as JSON.parse, numbers as Token. */
export function read(text) {
  let at = 0;

  function match(pattern) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return null;
    at = pattern.lastIndex;
    return found[0];
  }

  function fail(expected) {
    const came = at < text.length ? `'${text.slice(at, at + 12)}'` : "the end";
    throw new SyntaxError(`expected ${expected} at character ${at + 1}, came ${came}`);
  }

  function next(character) {
    match(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  }

  function string() {
    const found = match(TEXT);
    if (found === null) fail("a text");
    return JSON.parse(found);
  }

  function members(close, member) {
    if (next(close)) return;
    do member();
    while (next(","));
    if (!next(close)) fail(`',' or '${close}'`);
  }

  function value(deep) {
    if (deep > MOST_DEEP) fail(`at most ${MOST_DEEP} levels`);
    match(SPACE);
    const first = text[at];
    if (first === '"') return string();
    if (first === "[") {
      at += 1;
      const list = [];
      members("]", () => list.push(value(deep + 1)));
      return list;
    }
    if (first === "{") {
      at += 1;
      // A name such as __proto__ is a key like others.
      const object = new Map();
      members("}", () => {
        match(SPACE);
        const key = string();
        if (!next(":")) fail("':'");
        object.set(key, value(deep + 1));
      });
      return Object.fromEntries(object);
    }
    const number = match(NUMBER);
    if (number !== null) return new Token(number);
    const word = match(WORD);
    if (word === null) return fail("a value");
    return word === "null" ? null : word === "true";
  }

  const found = value(0);
  match(SPACE);
  if (at < text.length) fail("the end");
  return found;
}
