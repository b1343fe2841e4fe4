// In which order models stand. The server sorts by what needs attention and then by traffic;
// rows that swap places every two seconds cannot be read, so an order is kept for a while.

const PATIENCE = 20;

/**
 * Returns a function that takes models as the server sorts them and gives them in the order to
 * show. The server's order is taken when models come or go, when what needs attention changes,
 * or after `PATIENCE` seconds, unless `busy()` (somebody points at the rows).
 */
export function calmOrder(busy, now = () => performance.now() / 1000) {
  let places = new Map();
  let known = "";
  let since = -Infinity;
  return (models) => {
    const signature = JSON.stringify(
      models.map(({ name, attention }) => [name, level(attention)]).sort(byName),
    );
    if (signature !== known || (now() - since > PATIENCE && !busy())) {
      known = signature;
      since = now();
      places = new Map(models.map(({ name }, index) => [name, index]));
    }
    return [...models].sort((a, b) => places.get(a.name) - places.get(b.name));
  };
}

const byName = ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0);

/** 2: bad, 1: warning, 0: nothing. */
export function level(attention) {
  return attention.reduce((most, { level: one }) => Math.max(most, one === "bad" ? 2 : 1), 0);
}
