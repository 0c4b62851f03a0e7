// Points in time, spans and ranges: reading, choosing cell intervals, aligning, and texts in UTC or local time.
// All times are epoch milliseconds; all ranges are half-open.

/** @import {Range} from './types.d.ts' */

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** @type {Record<string, number>} */
const UNITS = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY, M: 30 * DAY, y: 365 * DAY };

const NICE = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2 * 1440, 3 * 1440, 5 * 1440, 7 * 1440, 14 * 1440,
  28 * 1440, 56 * 1440, 84 * 1440, 168 * 1440,
].map((minutes) => minutes * MINUTE);
const MULTIPLES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 30, 40, 48, 60, 96, 120, 240, 480, 960];

/**
 * @param {string} text an Elasticsearch duration, for instance `15m`
 * @returns {number} milliseconds; NaN for anything else
 */
export function parseDuration(text) {
  const match = /^(\d+)(ms|s|m|h|d|w|M|y)$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]] : NaN;
}

/**
 * A range of another length in which one time stays where it is.
 * @param {Range} range @param {number} at @param {number} factor how many times as long
 * @returns {Range} at least a minute
 */
export function scaledRange(range, at, factor) {
  const span = range.end - range.start;
  const by = Math.max(factor, MINUTE / span);
  const start = Math.round(at - (at - range.start) * by);
  return { start, end: start + Math.round(span * by) };
}

/** @param {number} span milliseconds @returns {string} for instance `6 h` or `1 d 12 h` */
export function spanText(span) {
  const parts = [];
  let rest = Math.round(span);
  for (const [unit, length] of /** @type {[string, number][]} */ ([['d', DAY], ['h', HOUR], ['m', MINUTE], ['s', SECOND]])) {
    const count = Math.floor(rest / length);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
    rest -= count * length;
  }
  return parts.join(' ') || `${rest} ms`;
}

/** @param {number} span milliseconds @returns {string} as the API takes it, exact */
export function apiDuration(span) {
  for (const unit of ['d', 'h', 'm', 's']) {
    if (span >= UNITS[unit] && span % UNITS[unit] === 0) return `${span / UNITS[unit]}${unit}`;
  }
  return `${span}ms`;
}

/**
 * Epoch milliseconds, an ISO date, or `now` with a distance such as `now-30d`.
 * @param {string} text
 * @param {number} now
 * @returns {number} NaN if it is none of them
 */
export function parseTime(text, now) {
  if (/^-?\d{1,16}$/.test(text)) return Number(text);
  const relative = /^now(?:([+-])(\w+))?$/.exec(text);
  if (relative) {
    const distance = relative[2] ? parseDuration(relative[2]) : 0;
    return relative[1] === '+' ? now + distance : now - distance;
  }
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
}

/**
 * The range that is asked for, or else the whole range of the results.
 * @param {{from: string, to: string}} asked empty texts where nothing is asked for
 * @param {number} now
 * @param {Range | null} results
 * @returns {Range | null} null if nothing is asked for and there are no results
 */
export function resolveRange(asked, now, results) {
  const from = asked.from ? parseTime(asked.from, now) : results?.start ?? (asked.to ? 0 : NaN);
  const to = asked.to ? parseTime(asked.to, now) : results?.end ?? (asked.from ? now : NaN);
  if (Number.isNaN(from) || Number.isNaN(to)) return null;
  return from < to ? { start: from, end: to } : { start: from, end: Math.max(from + MINUTE, results?.end ?? 0) };
}

/**
 * The smallest nice multiple of the bucket span that cuts the range into at most so many cells.
 * @param {Range} range
 * @param {number} span the largest bucket span, milliseconds
 * @param {number} maxCells
 * @returns {number} milliseconds
 */
export function cellInterval(range, span, maxCells) {
  const least = Math.max(span, (range.end - range.start) / Math.max(1, maxCells));
  const candidates = [...NICE.filter((nice) => nice % span === 0), ...MULTIPLES.map((times) => times * span)];
  candidates.sort((a, b) => a - b);
  const fits = candidates.find((interval) => interval >= least && cellsOf(alignRange(range, interval), interval) <= maxCells);
  // An unaligned range touches one cell more than fits into it.
  return fits ?? Math.ceil((range.end - range.start) / Math.max(1, maxCells - 1) / span) * span;
}

/**
 * The range widened to whole cells, which begin where Elasticsearch's histograms begin theirs.
 * @param {Range} range
 * @param {number} interval
 * @returns {Range}
 */
export function alignRange(range, interval) {
  return {
    start: Math.floor(range.start / interval) * interval,
    end: Math.max(Math.ceil(range.end / interval), Math.floor(range.start / interval) + 1) * interval,
  };
}

/** @param {Range} range aligned @param {number} interval @returns {number} */
export function cellsOf(range, interval) {
  return Math.round((range.end - range.start) / interval);
}

/** @param {Range | null} a @param {Range} b @returns {boolean} */
export function overlaps(a, b) {
  return a !== null && a.start < b.end && b.start < a.end;
}

/**
 * The range moved by a share of its length, or stretched around its middle.
 * @param {Range} range @param {number} shift -0.5 goes back by half @param {number} stretch 2 shows twice as much
 * @returns {Range}
 */
export function moved(range, shift, stretch = 1) {
  const length = range.end - range.start;
  const middle = (range.start + range.end) / 2 + length * shift;
  const half = Math.max(MINUTE, (length * stretch) / 2);
  return { start: Math.round(middle - half), end: Math.round(middle + half) };
}
