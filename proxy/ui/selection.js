// What of all jobs and times an address asks for: jobs by id or group, the range, the cells of the lanes. Pure.

import { BY_JOB, defaultViewBy, influencerFields } from './entities.js';
import { wholeRange } from './model.js';
import { alignRange, cellInterval, parseDuration, resolveRange } from './time.js';

/** @import {Filter, Job, Range} from './types.d.ts' */
/** @import {Extent} from './model.js' */
/** @import {State} from './state.js' */
/** @typedef {{range: Range, asked: Range, interval: number, span: number}} Grid `asked` widened to whole cells is `range` */

const MAX_CELLS = 500;
const LEAST_CELL_PX = 4;

/**
 * @param {Job[]} all @param {string[]} asked ids or groups; none means all
 * @returns {{jobs: Job[], unknown: string[]}}
 */
export function chosenJobs(all, asked) {
  if (asked.length === 0) return { jobs: all, unknown: [] };
  const jobs = all.filter((job) => asked.includes(job.job_id) || (job.groups ?? []).some((group) => asked.includes(group)));
  const known = new Set(all.flatMap((job) => [job.job_id, ...(job.groups ?? [])]));
  return { jobs, unknown: asked.filter((name) => !known.has(name)) };
}

/** @param {Job[]} jobs @returns {number} milliseconds */
export function largestSpan(jobs) {
  return Math.max(60_000, ...jobs.map((job) => parseDuration(job.analysis_config.bucket_span) || 0));
}

/**
 * The one grid that all lanes and their queries share.
 * @param {{from: string, to: string}} asked @param {Job[]} jobs @param {Map<string, Extent>} extents
 * @param {number} now @param {number} width pixels of a lane
 * @returns {Grid | null} null without a range
 */
export function laneGrid(asked, jobs, extents, now, width) {
  const range = resolveRange(asked, now, wholeRange(extents, jobs.map((job) => job.job_id)));
  if (!range) return null;
  const span = largestSpan(jobs);
  const interval = cellInterval(range, span, Math.max(10, Math.min(MAX_CELLS, Math.floor(width / LEAST_CELL_PX))));
  return { range: alignRange(range, interval), asked: range, interval, span };
}

/** @param {State} state @param {Job[]} jobs @returns {string} the field of the lanes, or BY_JOB */
export function viewBy(state, jobs) {
  const isKnown = state.by === BY_JOB || influencerFields(jobs).includes(state.by);
  return isKnown ? state.by : defaultViewBy(jobs);
}

/**
 * Which records a selection means.
 * @param {State} state @param {string[]} jobs @param {string} by @param {Range} range
 * @returns {{jobs: string[], range: Range, lanes: Filter[]}}
 */
export function selected(state, jobs, by, range) {
  const t = state.t ?? range;
  if (by === BY_JOB) {
    const lanes = state.lane.filter((name) => jobs.includes(name));
    return { jobs: lanes.length > 0 ? lanes : jobs, range: t, lanes: [] };
  }
  return { jobs, range: t, lanes: state.lane.map((value) => ({ field: by, value })) };
}

/**
 * The lanes to show, pinned ones first, one page of the others.
 * @param {string[]} names in order @param {State} state
 * @returns {{shown: string[], pages: number, first: number, page: number}}
 */
export function lanePage(names, state) {
  const pinned = state.pin.filter((name) => names.includes(name));
  const others = names.filter((name) => !pinned.includes(name));
  const pages = Math.max(1, Math.ceil(others.length / state.rows));
  const page = Math.min(state.page, pages);
  const first = (page - 1) * state.rows;
  return { shown: [...pinned, ...others.slice(first, first + state.rows)], pages, first, page };
}
