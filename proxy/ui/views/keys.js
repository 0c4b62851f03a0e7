// Keys that work anywhere on the page but in fields of text. Those of lanes and charts are their own.

import { alignRange, moved } from '../time.js';

/** @import {App} from '../app.js' */

export const KEYS = [
  ['arrows, Home, End, PgUp, PgDn', 'move within lanes and charts'],
  ['Enter', 'select the cell, open the anomaly'],
  ['Shift + arrows', 'extend the selection'],
  ['Esc', 'clear the selection'],
  ['Ctrl + wheel', 'zoom where the pointer is'],
  ['.  ,', 'next, previous anomaly'],
  ['[  ]', 'earlier, later'],
  ['z', 'zoom out'],
  ['f', 'fit: the whole range'],
  ['/', 'search'],
  ['?', 'this help'],
];

/** @param {App} app @param {KeyboardEvent} event */
export function globalKey(app, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches('input, select, textarea, [contenteditable]')) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action(app);
}

/** @type {Record<string, (app: App) => void>} */
const ACTIONS = {
  '[': (app) => shift(app, -0.5, 1),
  ']': (app) => shift(app, 0.5, 1),
  z: (app) => shift(app, 0, 2),
  f: (app) => app.go(app.state.view === 'metric' ? { zoom: null } : { from: '', to: '', t: null, lane: [] }),
  '/': () => {
    const search = /** @type {HTMLElement | null} */ (document.querySelector('input[type=search]:not(.menu *)'));
    if (search) search.focus();
    else openMenu('.job-picker');
  },
  '?': () => openMenu('.help'),
  Escape: (app) => {
    if (app.state.view === 'explorer' && app.state.t) app.go({ t: null, lane: [] });
  },
};

/** @param {string} name */
function openMenu(name) {
  const details = /** @type {HTMLDetailsElement | null} */ (document.querySelector(`details${name}`));
  if (!details) return;
  details.open = true;
  /** @type {HTMLElement | null} */ (details.querySelector('input, summary'))?.focus();
}

/** @param {App} app @param {number} by @param {number} stretch */
function shift(app, by, stretch) {
  const { view } = app.state;
  const shown = view === 'metric' ? app.views.metric.zoom() : view === 'explorer' ? app.views.explorer.grid?.asked : null;
  if (!shown) return;
  const range = alignRange(moved(shown, by, stretch), 60_000);
  if (app.state.view === 'metric') app.go({ zoom: range }, { replace: true });
  else app.goRange(range);
}
