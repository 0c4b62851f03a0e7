// The time under the pointer, shared by all lanes and charts, and the one tooltip that they use.

/** @type {Set<(time: number | null, from: object | null) => void>} */
const listeners = new Set();

/**
 * @param {(time: number | null, from: object | null) => void} listener
 * @returns {() => void} ends it
 */
export function onCursor(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {number | null} time null when the pointer has left @param {object | null} from who publishes it */
export function publishCursor(time, from) {
  for (const listener of listeners) listener(time, from);
}

/** @type {HTMLElement | null} */
let tooltip = null;

/**
 * Shows lines of text beside the pointer; they are text, never markup.
 * @param {string[] | null} lines null hides it
 * @param {{clientX: number, clientY: number}} [at]
 */
export function showTooltip(lines, at) {
  if (!lines || !at) {
    if (tooltip) tooltip.hidden = true;
    return;
  }
  if (!tooltip) {
    tooltip = document.createElement('div');
    tooltip.className = 'tooltip';
    tooltip.setAttribute('aria-hidden', 'true');
    document.body.append(tooltip);
  }
  tooltip.replaceChildren(...lines.map((line) => {
    const row = document.createElement('div');
    row.textContent = line;
    return row;
  }));
  tooltip.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = tooltip;
  const left = at.clientX + 16 + width > innerWidth ? at.clientX - 16 - width : at.clientX + 16;
  const top = at.clientY + 20 + height > innerHeight ? at.clientY - 12 - height : at.clientY + 20;
  tooltip.style.left = `${Math.max(4, left)}px`;
  tooltip.style.top = `${Math.max(4, top)}px`;
}
