// Which field an error belongs to: violations of a contract have pointers into the request, other
// messages begin with the name of the input.

/**
 * What is wrong, one entry each: {place, element, message}; `place` is the input's, null where it
 * belongs to none, `element` the one of its flat data, null for all of it.
 */
export function of(failure, inputs) {
  const violations = failure.document?.violations;
  if (Array.isArray(violations)) return violations.map((violation) => ofViolation(violation, inputs));
  return [ofMessage(failure.message, inputs)];
}

const POINTER = /^\/inputs\/(\d+)(?:\/(?:data(?:\/(\d+))?|shape|datatype))?$/;

function ofViolation(violation, inputs) {
  const { feature, code, expected, row, pointer, value } = violation;
  const [, place, element] = POINTER.exec(pointer ?? "") ?? [];
  const came = value === undefined ? "" : `, came ${value}`;
  const where = row === undefined || row === null ? "" : ` in row ${row + 1}`;
  const message = `${feature}${where}: ${codeText(code)}, expected ${expected}${came}`;
  const known = place !== undefined && Number(place) < inputs.length;
  return {
    place: known ? Number(place) : placeOf(feature, inputs),
    element: known && element !== undefined ? Number(element) : null,
    message,
  };
}

function placeOf(feature, inputs) {
  const found = inputs.findIndex((input) => input.name === feature);
  return found < 0 ? null : found;
}

function ofMessage(message, inputs) {
  const found = inputs.findIndex(
    ({ name }) => message.startsWith(`input '${name}'`) || message.startsWith(`input '${name}':`),
  );
  return { place: found < 0 ? null : found, element: null, message };
}

const CODES = {
  missing_feature: "it is missing",
  unexpected_feature: "the model does not have it",
  wrong_dtype: "it has another datatype",
  wrong_shape: "it has another shape",
  null_not_allowed: "it must not be empty",
  nan: "it must not be NaN",
  inf: "it must not be infinite",
  below_min: "it is too small",
  above_max: "it is too large",
  not_in_set: "it is none of the allowed values",
  pattern: "it does not have the form",
  too_long: "it is too long",
  row_rule: "it breaks a rule of rows",
  output_invalid: "the answer breaks the contract",
};

/** A code of a violation in words; unknown ones as they are. */
export function codeText(code) {
  return Object.hasOwn(CODES, code) ? CODES[code] : String(code);
}
