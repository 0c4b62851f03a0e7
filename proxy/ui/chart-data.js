// A series, and a forecast beside it, as the columns that uPlot draws: equal length, null for nothing. Pure.

/** @import {Series} from './types.d.ts' */
/** @typedef {(number | null)[]} Column */
/** @typedef {{time: number, value: number, score: number, cross: boolean, key: string}} Marker */

/** Columns of `chartColumns`, in this order. */
export const COLUMNS = ['time', 'lower', 'upper', 'actual', 'forecastLower', 'forecastUpper', 'forecast'];
/** Points further apart than so many intervals are not joined. */
const JOINED_WITHIN = 1.5;

/**
 * @param {Series | null} series
 * @param {Series | null} forecast
 * @returns {Column[]} of COLUMNS, times rising
 */
export function chartColumns(series, forecast) {
  const known = rows(series);
  const foretold = rows(forecast);
  /** @type {Map<number, Column>} */
  const byTime = new Map();
  for (const [time, lower, upper, actual] of known) byTime.set(Number(time), [time, lower, upper, actual, null, null, null]);
  for (const [time, lower, upper, actual] of foretold) {
    const row = byTime.get(Number(time)) ?? [time, null, null, null, null, null, null];
    [row[4], row[5], row[6]] = [lower, upper, actual];
    byTime.set(Number(time), row);
  }
  const sorted = [...byTime.values()].sort((a, b) => Number(a[0]) - Number(b[0]));
  return COLUMNS.map((_, at) => sorted.map((row) => row[at]));
}

/** @param {Series | null} series @returns {Column[]} rows, with an empty one in each gap */
function rows(series) {
  /** @type {Column[]} */
  const out = [];
  if (!series) return out;
  for (let at = 0; at < series.times.length; at += 1) {
    const time = series.times[at];
    if (at > 0 && time - series.times[at - 1] > JOINED_WITHIN * series.interval) {
      out.push([series.times[at - 1] + series.interval, null, null, null]);
    }
    out.push([time, orNull(series.lower[at]), orNull(series.upper[at]), orNull(series.actual[at])]);
  }
  return out;
}

/** @param {number} value */
function orNull(value) {
  return Number.isFinite(value) ? value : null;
}

/**
 * The least and greatest of what is drawn, with room around, so that a marker is never cut.
 * @param {Column[]} columns of chartColumns, without those that are hidden
 * @param {Marker[]} markers
 * @returns {[number, number]}
 */
export function valueRange(columns, markers) {
  let [least, most] = [Infinity, -Infinity];
  for (const column of columns) {
    for (const value of column) {
      if (value === null) continue;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  for (const { value } of markers) [least, most] = [Math.min(least, value), Math.max(most, value)];
  if (!Number.isFinite(least)) return [0, 1];
  if (least === most) return [least - Math.max(1, Math.abs(least) * 0.1), most + Math.max(1, Math.abs(most) * 0.1)];
  const room = (most - least) * 0.08;
  return [least >= 0 && least < room * 3 ? Math.min(0, least) : least - room, most + room];
}

/**
 * @param {Column[]} columns of chartColumns
 * @param {number} most rows at most, evenly chosen
 * @returns {Column[]} rows for a table that is read instead of the chart
 */
export function sampledRows(columns, most) {
  const length = columns[0]?.length ?? 0;
  const step = Math.max(1, Math.ceil(length / most));
  return Array.from({ length: Math.ceil(length / step) }, (_, at) => columns.map((column) => column[at * step]));
}
