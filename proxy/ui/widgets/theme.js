// Light or dark: chosen by the person, else by the system. Canvases ask here for colours, everything else is CSS.

import { PALETTES } from '../severity.js';

/** @typedef {'auto' | 'light' | 'dark'} Choice */

const KEY = 'lanewatch.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
/** @type {Set<() => void>} */
const listeners = new Set();

const LANES = {
  light: { track: '#f4f6f8', hatch: 'rgba(22,32,43,0.55)', gap: '#ffffff', ink: '#16202b', accent: '#0b5cad', veil: 'rgba(255,255,255,0.55)', crosshair: 'rgba(22,32,43,0.5)', mark: '#7a4fb5' },
  dark: { track: '#1d2228', hatch: 'rgba(242,245,248,0.6)', gap: '#14181d', ink: '#f2f5f8', accent: '#6db3f8', veil: 'rgba(20,24,29,0.5)', crosshair: 'rgba(242,245,248,0.5)', mark: '#b79af0' },
};
const CHARTS = {
  light: { line: '#1f6fb2', band: 'rgba(80,125,165,0.18)', grid: '#e4e8ec', text: '#4b5763', forecast: '#7a4fb5',
    forecastBand: 'rgba(122,79,181,0.16)', outline: '#16202b', note: 'rgba(122,79,181,0.14)', veil: 'rgba(225,230,235,0.72)' },
  dark: { line: '#6db3f8', band: 'rgba(130,170,205,0.22)', grid: '#2b323a', text: '#aab4bf', forecast: '#b79af0',
    forecastBand: 'rgba(183,154,240,0.2)', outline: '#f2f5f8', note: 'rgba(183,154,240,0.2)', veil: 'rgba(12,15,19,0.65)' },
};

export const theme = {
  /** @returns {Choice} */
  get choice() {
    const kept = readKept();
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  },
  /** @param {Choice} choice */
  set choice(choice) {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Storage may be forbidden; then the choice lasts as long as the page.
      kept = choice;
    }
    apply();
  },
  /** @returns {'light' | 'dark'} */
  get name() {
    const { choice } = this;
    if (choice !== 'auto') return choice;
    return system.matches ? 'dark' : 'light';
  },
  palette() {
    return PALETTES[this.name];
  },
  lanes() {
    return { palette: this.palette(), ...LANES[this.name] };
  },
  charts() {
    return { palette: this.palette(), ...CHARTS[this.name] };
  },
  /** @param {() => void} listener @returns {() => void} ends it */
  onChange(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

let kept = '';

/** @returns {string} */
function readKept() {
  try {
    return localStorage.getItem(KEY) ?? kept;
  } catch {
    return kept;
  }
}

function apply() {
  document.documentElement.dataset.theme = theme.name;
  for (const listener of listeners) listener();
}

system.addEventListener('change', apply);
apply();
