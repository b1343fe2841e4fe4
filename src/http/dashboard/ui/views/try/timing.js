// Times by stage, as the header Server-Timing tells them (W3C Server Timing).

const ENTRY = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:;(.*))?$/;
const DURATION = /(?:^|;)\s*dur\s*=\s*"?([0-9.]+)"?/i;

/** [{stage, ms}] of a header; [] of none. */
export function stages(header) {
  const found = [];
  for (const entry of (header ?? "").split(",")) {
    const [, stage, parameters] = ENTRY.exec(entry) ?? [];
    const [, duration] = DURATION.exec(parameters ?? "") ?? [];
    if (stage !== undefined && duration !== undefined) found.push({ stage, ms: Number(duration) });
  }
  return found;
}

const MEANINGS = {
  decode: "Reading the request",
  queue: "Waiting",
  infer: "The model",
  encode: "Writing the answer",
  rest: "Network and browser",
};

export const meaning = (stage) => (Object.hasOwn(MEANINGS, stage) ? MEANINGS[stage] : stage);

/** The same with what the round trip took beyond them. */
export function breakdown(header, roundTrip) {
  const known = stages(header);
  if (known.length === 0) return [];
  const sum = known.reduce((all, { ms }) => all + ms, 0);
  return [...known, { stage: "rest", ms: Math.max(0, roundTrip - sum) }];
}
