// Jobs into and out of the cluster as files: tried out, made item by item, exported with what belongs to them.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, pageFile, send } from '../api.js';
import { exportEntry } from '../job-files.js';
import { against, filtersOf, isBlocked, noteOf, planOf } from '../job-plan.js';
import { readShapes } from '../job-shapes.js';
import { get } from '../queries.js';
import { saveFile } from '../widgets/parts.js';

/** @import {Choices, Facts, Note, Plan, Planned, PlannedJob, Surroundings} from '../job-plan.js' */
/** @import {Step} from '../job-steps.js' */
/** @import {Row} from './jobs.js' */

const FILE = 'anomaly_detection_jobs';
/** What the API lists at once. */
const ALL = 10_000;

/** @returns {Promise<Facts>} */
export async function readFacts() {
  return JSON.parse(await pageFile('transfer/facts.json'));
}

/** @param {string} name @returns {Promise<string>} the module, as JSON */
export function readyMade(name) {
  return pageFile(`transfer/ready-made/${name}.json`);
}

/** Several files as one text. @param {FileList} files */
export async function textOf(files) {
  const texts = await Promise.all([...files].map((file) => file.text()));
  if (texts.length === 1) return texts[0];
  return texts.map((text) => {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      return text; // lines already, or what the dry run will complain of
    }
  }).join('\n');
}

/**
 * The dry run: what would be made, beside what exists and with what the cluster says of each. Changes nothing.
 * @param {string} text @param {Choices} choices @param {Facts} facts
 * @returns {Promise<Plan>}
 * @throws {Error} if the text has no jobs; {ApiError} if the cluster cannot be asked what exists
 */
export async function tryOut(text, choices, facts) {
  const plan = against(planOf(readShapes(text), choices, facts), await surroundings(), facts);
  const jobs = [];
  for (const planned of plan.jobs) {
    const said = isBlocked(planned) ? [] : await saidOf(planned, facts);
    jobs.push({ ...planned, notes: [...planned.notes, ...said] });
  }
  return { ...plan, jobs };
}

/** @returns {Promise<Surroundings>} */
async function surroundings() {
  const names = async (/** @type {string} */ path, /** @type {string} */ kind, /** @type {string} */ key) =>
    ((await send(get(path)))[kind] ?? []).map((/** @type {any} */ each) => each[key]);
  const [jobs, datafeeds, filters, calendars] = await Promise.all([
    names('/_ml/anomaly_detectors?filter_path=jobs.job_id', 'jobs', 'job_id'),
    names('/_ml/datafeeds?filter_path=datafeeds.datafeed_id', 'datafeeds', 'datafeed_id'),
    names(`/_ml/filters?size=${ALL}`, 'filters', 'filter_id'),
    names(`/_ml/calendars?size=${ALL}`, 'calendars', 'calendar_id'),
  ]);
  return { jobs, datafeeds, filters, calendars };
}

/** @param {PlannedJob} planned @param {Facts} facts @returns {Promise<Note[]>} */
async function saidOf(planned, facts) {
  const job = { ...planned.job, job_id: planned.job_id };
  const refusal = await refusalOf({ method: 'POST', path: '/_ml/anomaly_detectors/_validate', body: job });
  if (typeof refusal === 'string') return [noteOf(facts, 'job', 'refused', { reason: refusal })];
  if (!planned.datafeed || isBlocked(planned, 'datafeed')) return [];
  // A preview knows the datafeed only as a part of what is not there yet.
  const { datafeed_id: _, job_id: __, ...datafeed } = planned.datafeed;
  const seen = await refusalOf({ method: 'POST', path: '/_ml/datafeeds/_preview', body: { job_config: job, datafeed_config: datafeed } });
  if (typeof seen === 'string') return [noteOf(facts, 'datafeed', 'no_preview', { reason: seen })];
  return seen.answer.length > 0 ? [] : [noteOf(facts, 'datafeed', 'no_documents')];
}

/** @param {import('../types.d.ts').ApiRequest} request @returns {Promise<{answer: any} | string>} the reason where it is refused */
async function refusalOf(request) {
  try {
    return { answer: await send(request) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.reason;
  }
}

/**
 * Sends each request on its own.
 * @param {Step[]} steps @param {(text: string) => void} report how far it is
 * @returns {Promise<string[]>} what failed, a sentence each
 */
export async function carryOut(steps, report) {
  /** @type {Map<string, string>} */
  const failed = new Map();
  for (const [at, { does, request, needs }] of steps.entries()) {
    report(`${at + 1} of ${steps.length}: ${does}`);
    if (needs !== null && failed.has(needs)) {
      failed.set(does, `${does} is left out: it needs the ${needs}`);
      continue;
    }
    const refusal = await refusalOf(request);
    if (typeof refusal === 'string') failed.set(does, `${does} failed: ${refusal}`);
  }
  return [...failed.values()];
}

/** Whether nothing is to be said of a plan. @param {Plan} plan */
export function isPlain({ jobs, filters, calendars, skipped }) {
  return skipped.length === 0 && [...jobs, ...filters, ...calendars].every(({ notes }) => notes.length === 0);
}

/** @param {Plan} plan */
export function planTable(plan) {
  const row = (/** @type {string} */ what, /** @type {string} */ name, /** @type {string} */ verdict, /** @type {Note[]} */ notes) =>
    html`<tr><td>${what}</td><td>${name}</td><td>${verdict}</td><td>${notes.map(({ text }) => html`<div>${text}</div>`)}</td></tr>`;
  const other = (/** @type {string} */ what) => (/** @type {Planned} */ { name, exists, notes }) => row(what, name, exists ? 'exists' : 'yes', notes);
  return html`<table class="plan"><caption>What would be made</caption>
    <thead><tr><th scope="col">What</th><th scope="col">Name</th><th scope="col">Made</th><th scope="col">Notes</th></tr></thead>
    <tbody>${plan.filters.map(other('filter'))}${plan.jobs.map((planned) => html`${row('job', planned.job_id, isBlocked(planned) ? 'no' : 'yes', planned.notes.filter(({ about }) => about === 'job'))}
      ${planned.datafeed ? row('datafeed', planned.datafeed.datafeed_id, isBlocked(planned, 'datafeed') ? 'no' : 'yes', planned.notes.filter(({ about }) => about === 'datafeed')) : nothing}`)}${plan.calendars.map(other('calendar'))}</tbody></table>
    ${plan.skipped.map((sentence) => html`<p class="dim">Left out: ${sentence}</p>`)}`;
}

/** The jobs in Kibana's form, and in a second file the filters and calendars that belong to them. @param {Row[]} rows */
export async function exportJobs(rows) {
  const entries = [];
  for (const { job, feed } of rows) {
    const { jobs: [plain] } = await send(get(`/_ml/anomaly_detectors/${encodeURIComponent(job.job_id)}?exclude_generated=true`));
    entries.push(exportEntry(plain, feed ? await plainDatafeed(feed.datafeed_id) : null, job.job_id));
  }
  save(FILE, entries.length === 1 ? entries[0] : entries);
  const needed = entries.flatMap(({ job }) => filtersOf(job));
  // Only those may read filters who may change jobs, so they are not asked for in vain.
  const filters = needed.length === 0 ? [] : (await send(get(`/_ml/filters?size=${ALL}`))).filters.filter((/** @type {any} */ { filter_id: id }) => needed.includes(id));
  const names = new Set(['_all', ...rows.flatMap(({ job }) => [job.job_id, ...(job.groups ?? [])])]);
  const calendars = [];
  for (const calendar of (await send(get(`/_ml/calendars?size=${ALL}`))).calendars) {
    if (calendar.job_ids.some((/** @type {string} */ name) => names.has(name))) calendars.push({ ...calendar, events: await eventsOf(calendar.calendar_id) });
  }
  if (filters.length + calendars.length > 0) save(`${FILE}.calendars-and-filters`, { filters, calendars });
}

/** @param {string} name @param {unknown} value */
function save(name, value) {
  saveFile(`${name}.json`, JSON.stringify(value, null, 2), 'application/json');
}

/** @param {string} calendar @returns {Promise<Record<string, any>[]>} without what its server wrote */
async function eventsOf(calendar) {
  const { events } = await send(get(`/_ml/calendars/${encodeURIComponent(calendar)}/events?size=${ALL}`));
  return events.map((/** @type {any} */ { event_id: _, calendar_id: __, ...event }) => event);
}

/** @param {string} feed @returns {Promise<Record<string, any> | null>} */
export async function plainDatafeed(feed) {
  const { datafeeds } = await send(get(`/_ml/datafeeds/${encodeURIComponent(feed)}?exclude_generated=true`));
  return datafeeds?.[0] ? { ...datafeeds[0], datafeed_id: feed } : null;
}
