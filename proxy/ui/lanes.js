// The geometry of lanes: which cells a selection covers, where a key leads, what a cell is called. Pure.

import { rangeText } from './clock.js';
import { scoreText } from './format.js';
import { severityWord } from './severity.js';

/** @import {LaneModel, Range, Zone} from './types.d.ts' */
/** @typedef {{lane: number, cell: number}} Place */
/** @typedef {{first: number, last: number, top: number, bottom: number}} Block cells and lanes, both ends included */

/** A cell that a jump stops at has at least a warning's score. */
const JUMP_FROM = 3;
const PAGE_LANES = 10;

/** @param {LaneModel} model @param {number} first @param {number} last @returns {Range} */
export function cellRange(model, first, last) {
  return { start: model.start + first * model.interval, end: model.start + (last + 1) * model.interval };
}

/** @param {LaneModel} model @param {Place} place @returns {number} 0 where there is none */
export function scoreAt(model, { lane, cell }) {
  return model.scores[lane * model.cells + cell] ?? 0;
}

/** @param {Place} a @param {Place} b @returns {Block} */
export function blockOf(a, b) {
  return {
    first: Math.min(a.cell, b.cell), last: Math.max(a.cell, b.cell), top: Math.min(a.lane, b.lane), bottom: Math.max(a.lane, b.lane),
  };
}

/**
 * @param {LaneModel} model
 * @param {{t: Range | null, lanes: string[] | null}} selection `lanes`: null means all
 * @returns {Block[]} neighbouring lanes together
 */
export function selectedBlocks(model, { t, lanes }) {
  if (!t) return [];
  const first = Math.max(0, Math.floor((t.start - model.start) / model.interval));
  const last = Math.min(model.cells - 1, Math.ceil((t.end - model.start) / model.interval) - 1);
  if (last < first) return [];
  const rows = new Set(lanes ? lanes.map((name) => model.names.indexOf(name)).filter((row) => row >= 0) : model.names.keys());
  /** @type {Block[]} */
  const blocks = [];
  for (let row = 0; row < model.names.length; row += 1) {
    if (!rows.has(row)) continue;
    if (rows.has(row - 1)) blocks[blocks.length - 1].bottom = row;
    else blocks.push({ first, last, top: row, bottom: row });
  }
  return blocks;
}

/** @param {Block[]} blocks @param {Place} place @returns {boolean} */
export function isWithin(blocks, { lane, cell }) {
  return blocks.some((block) => cell >= block.first && cell <= block.last && lane >= block.top && lane <= block.bottom);
}

/** @param {Place} place @param {LaneModel} model @returns {Place} within the lanes */
export function clamped({ lane, cell }, model) {
  const within = (/** @type {number} */ value, /** @type {number} */ count) => Math.max(0, Math.min(count - 1, Math.floor(value)));
  return { lane: within(lane, model.names.length), cell: within(cell, model.cells) };
}

/**
 * @param {string} key @param {LaneModel} model @param {Place} from @param {number} min least score of a jump
 * @returns {Place | null} where the key leads; null for other keys
 */
export function keyTarget(key, model, { lane, cell }, min) {
  /** @type {Record<string, () => Place>} */
  const targets = {
    ArrowLeft: () => ({ lane, cell: cell - 1 }), ArrowRight: () => ({ lane, cell: cell + 1 }),
    ArrowUp: () => ({ lane: lane - 1, cell }), ArrowDown: () => ({ lane: lane + 1, cell }),
    Home: () => ({ lane, cell: 0 }), End: () => ({ lane, cell: model.cells - 1 }),
    PageUp: () => ({ lane: lane - PAGE_LANES, cell }), PageDown: () => ({ lane: lane + PAGE_LANES, cell }),
    '.': () => nextAnomaly(model, { lane, cell }, 1, min), ',': () => nextAnomaly(model, { lane, cell }, -1, min),
  };
  return Object.hasOwn(targets, key) ? clamped(targets[key](), model) : null;
}

/** @param {LaneModel} model @param {Place} from @param {1 | -1} step @param {number} min @returns {Place} `from` if there is none */
function nextAnomaly(model, { lane, cell }, step, min) {
  for (let at = cell + step; at >= 0 && at < model.cells; at += step) {
    if (scoreAt(model, { lane, cell: at }) >= Math.max(JUMP_FROM, min)) return { lane, cell: at };
  }
  return { lane, cell };
}

/** @param {LaneModel} model @param {number} lane @returns {string} */
export function laneTitle(model, lane) {
  return model.names[lane] || '(empty)';
}

/** @param {LaneModel} model @param {Place} place @param {Zone} zone @param {string} kind of score @returns {string[]} lane, time, score */
export function cellTexts(model, place, zone, kind) {
  const score = scoreAt(model, place);
  const isInterim = model.interim?.[place.lane * model.cells + place.cell] === 1;
  return [laneTitle(model, place.lane), rangeText(cellRange(model, place.cell, place.cell), zone),
    (score > 0 ? `${kind} ${scoreText(score)}, ${severityWord(score)}` : `no ${kind}`) + (isInterim ? ', interim: it may still change' : '')];
}
