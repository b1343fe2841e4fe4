// Words of commands that people copy.

/** A text as one word of a shell; what needs no quotes has none. */
export function quoted(text) {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text as one of TOML's. */
export function tomlText(text) {
  // What JSON escapes, TOML reads in the same way, but for DEL.
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}
