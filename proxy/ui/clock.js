// Times as people read them, in UTC or in the browser's zone, and where the ticks of a time axis stand.

import { DAY, HOUR, MINUTE, SECOND } from './time.js';

/** @import {Range, Zone} from './types.d.ts' */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formatters = new Map();

/** @param {Zone} zone @param {Intl.DateTimeFormatOptions} options @returns {Intl.DateTimeFormat} */
function formatter(zone, options) {
  const key = zone + JSON.stringify(options);
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone === 'utc' ? 'UTC' : undefined });
    formatters.set(key, found);
  }
  return found;
}

/** @param {number} time @param {Zone} zone @returns {string} `4 Mar 2013` */
export function dayText(time, zone) {
  return formatter(zone, { day: 'numeric', month: 'short', year: 'numeric' }).format(time).replace('Sept', 'Sep');
}

/** @param {number} time @param {Zone} zone @returns {string} `06:00`, with seconds where there are some */
export function clockText(time, zone) {
  const seconds = time % MINUTE !== 0;
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(seconds && { second: '2-digit' }) };
  return formatter(zone, options).format(time);
}

/** @param {number} time @param {Zone} zone @returns {string} `4 Mar 2013, 06:00` */
export function timeText(time, zone) {
  return `${dayText(time, zone)}, ${clockText(time, zone)}`;
}

/** @param {number} time @param {Zone} zone @returns {boolean} */
function isMidnight(time, zone) {
  return clockText(time, zone) === '00:00';
}

/**
 * @param {Range} range
 * @param {Zone} zone
 * @returns {string} `Fri 8 Feb 2013` for one whole day, else with hours
 */
export function rangeText(range, zone) {
  if (isMidnight(range.start, zone) && isMidnight(range.end, zone)) {
    const last = range.end - 1;
    const first = `${formatter(zone, { weekday: 'short' }).format(range.start)} ${dayText(range.start, zone)}`;
    if (dayText(range.start, zone) === dayText(last, zone)) return first;
    return `${dayText(range.start, zone)} to ${dayText(last, zone)}`;
  }
  if (dayText(range.start, zone) === dayText(range.end, zone)) {
    return `${timeText(range.start, zone)} to ${clockText(range.end, zone)}`;
  }
  return `${timeText(range.start, zone)} to ${timeText(range.end, zone)}`;
}

/** @param {number} distance milliseconds, not negative @returns {string} `4 s ago`, `2 min ago` */
export function agoText(distance) {
  if (distance < 90 * SECOND) return `${Math.max(0, Math.round(distance / SECOND))} s ago`;
  if (distance < 90 * MINUTE) return `${Math.round(distance / MINUTE)} min ago`;
  if (distance < 2 * DAY) return `${Math.round(distance / HOUR)} h ago`;
  return `${Math.round(distance / DAY)} d ago`;
}

const STEPS = [
  ...[1, 5, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
];
const DAY_STEPS = [1, 2, 7, 14];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120];

/**
 * Where an axis is marked: whole hours, midnights or months of the zone, also across a change of the clocks.
 * @param {Range} range
 * @param {number} width of the axis, pixels
 * @param {Zone} zone
 * @param {number} apart the least distance of two labels, pixels
 * @returns {{time: number, text: string}[]}
 */
export function timeTicks(range, width, zone, apart = 84) {
  const least = ((range.end - range.start) * apart) / Math.max(apart, width);
  // A label at the very end would be cut off.
  const room = { start: range.start, end: range.end - least * 0.4 };
  return ticksWithin(room, least, zone);
}

/** @param {Range} range @param {number} least time between two of them @param {Zone} zone */
function ticksWithin(range, least, zone) {
  const step = STEPS.find((candidate) => candidate >= least);
  if (step) return evenTicks(range, step, zone);
  const days = DAY_STEPS.find((count) => count * DAY >= least);
  if (days) return dayTicks(range, days, zone);
  const months = MONTH_STEPS.find((count) => count * 28 * DAY >= least) ?? 120;
  return monthTicks(range, months, zone);
}

/** @param {Range} range @param {number} step @param {Zone} zone */
function evenTicks(range, step, zone) {
  const ticks = [];
  for (let time = Math.ceil((range.start - offsetOf(range.start, zone)) / step) * step; ; time += step) {
    const moment = time + offsetOf(range.start, zone);
    if (moment >= range.end) return ticks;
    // A change of the clocks within the range moves what follows to whole hours again.
    const drift = offsetOf(moment, zone) - offsetOf(range.start, zone);
    const shown = moment + drift;
    if (shown < range.start || shown >= range.end) continue;
    ticks.push({ time: shown, text: isMidnight(shown, zone) ? shortDay(shown, zone) : clockText(shown, zone) });
  }
}

/** How far UTC is behind the zone's own clock, milliseconds. @param {number} time @param {Zone} zone */
function offsetOf(time, zone) {
  return zone === 'utc' ? 0 : new Date(time).getTimezoneOffset() * MINUTE;
}

/** @param {number} time @param {Zone} zone */
function shortDay(time, zone) {
  return formatter(zone, { day: 'numeric', month: 'short' }).format(time).replace('Sept', 'Sep');
}

/** @param {Range} range @param {number} days @param {Zone} zone */
function dayTicks(range, days, zone) {
  const ticks = [];
  const first = calendar(range.start, zone);
  for (let day = first.day; ; day += days) {
    const time = midnight(first.year, first.month, day, zone);
    if (time >= range.end) return ticks;
    if (time >= range.start) ticks.push({ time, text: shortDay(time, zone) });
  }
}

/** @param {Range} range @param {number} months @param {Zone} zone */
function monthTicks(range, months, zone) {
  const ticks = [];
  const first = calendar(range.start, zone);
  for (let month = Math.floor(first.month / months) * months; ; month += months) {
    const time = midnight(first.year, month, 1, zone);
    if (time >= range.end) return ticks;
    if (time < range.start) continue;
    const isYear = calendar(time, zone).month === 0;
    const options = /** @type {Intl.DateTimeFormatOptions} */ (
      isYear || ticks.length === 0 ? { month: 'short', year: 'numeric' } : { month: 'short' }
    );
    ticks.push({ time, text: formatter(zone, options).format(time).replace('Sept', 'Sep') });
  }
}

/** @param {number} time @param {Zone} zone */
function calendar(time, zone) {
  const date = new Date(time);
  return zone === 'utc'
    ? { year: date.getUTCFullYear(), month: date.getUTCMonth(), day: date.getUTCDate() }
    : { year: date.getFullYear(), month: date.getMonth(), day: date.getDate() };
}

/** @param {number} year @param {number} month @param {number} day @param {Zone} zone */
function midnight(year, month, day, zone) {
  return zone === 'utc' ? Date.UTC(year, month, day) : new Date(year, month, day).getTime();
}
