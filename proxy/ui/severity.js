// The five severities: where each begins, its word, its colour in both themes. Colours are never the only sign.

/** @typedef {{from: number, word: string}} Severity */

/** @type {Severity[]} inclusive lower ends, rising */
export const SEVERITIES = [
  { from: 0, word: 'low' },
  { from: 3, word: 'warning' },
  { from: 25, word: 'minor' },
  { from: 50, word: 'major' },
  { from: 75, word: 'critical' },
];

/** Monotone in lightness and told apart with every common colour blindness; pale steps get an outline. */
export const PALETTES = {
  light: ['#e7ebee', '#93c2ed', '#d3a310', '#b15623', '#66070c'],
  dark: ['#2d3238', '#375a88', '#806926', '#fb7b12', '#fbbebe'],
};

/** @param {number} score 0 to 100 @returns {number} 0 for low to 4 for critical */
export function severityIndex(score) {
  let index = 0;
  while (index + 1 < SEVERITIES.length && score >= SEVERITIES[index + 1].from) index += 1;
  return index;
}

/** @param {number} score @returns {string} */
export function severityWord(score) {
  return SEVERITIES[severityIndex(score)].word;
}

/**
 * @param {string} hex for instance `#93c2ed`
 * @returns {[number, number, number]} red, green, blue, 0 to 255
 */
export function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * The colour of every whole score as the pixels of an ImageData are laid out.
 * @param {string[]} palette
 * @returns {Uint32Array} 101 entries, little-endian RGBA
 */
export function colourTable(palette) {
  const table = new Uint32Array(101);
  for (let score = 0; score <= 100; score += 1) {
    const [red, green, blue] = rgb(palette[severityIndex(score)]);
    table[score] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return table;
}
