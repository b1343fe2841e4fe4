// Ink on a small grid. Nothing here knows of the page.

/** How far a stroke reaches on a grid of this size, in cells. */
export function reach(height, width) {
  return Math.max(0.85, Math.min(height, width) / 18);
}

/**
 * Puts ink along a line from one point to another (in cells, with fractions) and returns the
 * cells that became darker: [{cell, ink (0 to 1)}]. `inks` is changed; negative ink erases.
 */
export function stroke(inks, { height, width }, from, to, radius, erase = false) {
  const changed = [];
  const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius - 1));
  const right = Math.min(width - 1, Math.ceil(Math.max(from.x, to.x) + radius));
  const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius - 1));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(from.y, to.y) + radius));
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      const away = distance({ x: x + 0.5, y: y + 0.5 }, from, to);
      // Full within half of the reach, then fading to nothing.
      const ink = Math.min(1, Math.max(0, (radius + 0.35 - away) / (radius * 0.7)));
      const cell = y * width + x;
      const next = erase ? Math.min(inks[cell], 1 - ink) : Math.max(inks[cell], ink);
      if (next === inks[cell]) continue;
      inks[cell] = next;
      changed.push({ cell, ink: next });
    }
  }
  return changed;
}

/** From a point to the nearest one of a line. */
export function distance(point, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((point.x - from.x) * dx + (point.y - from.y) * dy) / length;
  const at = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - at * dx, point.y - from.y - at * dy);
}
