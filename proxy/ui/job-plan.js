// What an import would make and what is to be said of it, as `lanewatch import` does (proxy/transfer/planning.py). Pure.

import { isObject } from './job-shapes.js';

/** @import {Entry, Reading} from './job-shapes.js' */
/** @typedef {{prefix?: string, index?: string | null, query?: Record<string, any> | null, groups?: string[]}} Choices */
/** @typedef {{about: 'job' | 'datafeed' | 'filter' | 'calendar', blocks: boolean, text: string}} Note one that blocks keeps its item unmade */
/** @typedef {{job_id: string, job: Record<string, any>, datafeed: Record<string, any> | null, filters: string[], calendars: string[], notes: Note[]}} PlannedJob */
/** @typedef {{name: string, body: Record<string, any>, exists: boolean, notes: Note[]}} Planned */
/** @typedef {{jobs: PlannedJob[], filters: Planned[], calendars: Planned[], skipped: string[]}} Plan */
/** @typedef {{jobs: string[], datafeeds: string[], filters: string[], calendars: string[]}} Surroundings names of what the cluster has */
/**
 * @typedef {object} Facts of transfer/facts.json, which the command reads as well
 * @property {string[]} job_keys @property {string[]} job_written_by_servers
 * @property {string[]} datafeed_keys @property {string[]} datafeed_written_by_servers
 * @property {string[]} index_placeholders @property {string} id_pattern @property {number} id_length
 * @property {Record<string, {blocks: boolean, text: string}>} notes @property {string[]} ready_made
 */

/**
 * @param {Facts} facts @param {Note['about']} about @param {string} kind @param {Record<string, string>} [values]
 * @returns {Note}
 */
export function noteOf(facts, about, kind, values = {}) {
  const { blocks, text } = facts.notes[kind];
  return { about, blocks, text: text.replace(/\{(\w+)\}/g, (_, name) => values[name]) };
}

/** @param {PlannedJob} planned @param {'job' | 'datafeed'} [about] a datafeed is not made without its job */
export function isBlocked(planned, about = 'job') {
  return planned.notes.some((note) => note.blocks && (note.about === 'job' || note.about === about));
}

/** @param {Reading} reading @param {Choices} choices @param {Facts} facts @returns {Plan} where nothing exists yet */
export function planOf(reading, choices, facts) {
  const newIds = new Map(reading.entries.map(({ id }) => [id, (choices.prefix ?? '') + id]));
  /** @type {PlannedJob[]} */
  const jobs = [];
  for (const entry of reading.entries) jobs.push(plannedJob(entry, choices, facts, jobs.map((job) => job.job_id)));
  return { jobs, filters: reading.filters.map(plannedFilter), calendars: reading.calendars.map((each) => plannedCalendar(each, newIds)), skipped: reading.skipped };
}

/** @param {Entry} entry @param {Choices} choices @param {Facts} facts @param {string[]} taken @returns {PlannedJob} */
function plannedJob(entry, choices, facts, taken) {
  const id = (choices.prefix ?? '') + entry.id;
  const { calendars, ...filled } = filledIn(entry, entry.job, id, choices, facts);
  const [job, unknown] = known(filled, 'job', facts);
  /** @type {Note[]} */
  const notes = [];
  if (taken.includes(id)) notes.push(noteOf(facts, 'job', 'twice', { id }));
  if (!new RegExp(facts.id_pattern).test(id)) notes.push(noteOf(facts, 'job', 'bad_id', { id }));
  if (choices.groups?.length) job.groups = [...new Set([...texts(job.groups), ...choices.groups])];
  notes.push(...unknown, ...unfilled(job, 'job', facts));
  const [datafeed, more] = entry.datafeed ? plannedDatafeed(entry, id, job, choices, facts) : [null, []];
  return { job_id: id, job, datafeed, filters: filtersOf(job), calendars: texts(calendars), notes: [...notes, ...more] };
}

/**
 * @param {Entry} entry @param {string} id @param {Record<string, any>} job @param {Choices} choices @param {Facts} facts
 * @returns {[Record<string, any>, Note[]]}
 */
function plannedDatafeed(entry, id, job, choices, facts) {
  const [{ indexes, ...datafeed }, notes] = known(filledIn(entry, entry.datafeed ?? {}, id, choices, facts), 'datafeed', facts);
  Object.assign(datafeed, { datafeed_id: datafeedId(entry, id, facts), job_id: id });
  // Kibana writes several patterns of a module as one text.
  datafeed.indices = texts(choices.index || (indexes ?? datafeed.indices)).flatMap((text) => text.split(',')).map((name) => name.trim()).filter((name) => name !== '');
  if (choices.query) datafeed.query = choices.query;
  notes.push(...unfilled(datafeed, 'datafeed', facts));
  if (datafeed.indices.length === 0) notes.push(noteOf(facts, 'datafeed', 'no_indices'));
  if ((isFull(datafeed.aggregations) || isFull(datafeed.aggs)) && !job.analysis_config.summary_count_field_name) notes.push(noteOf(facts, 'datafeed', 'no_summary_count'));
  if (namesTier(datafeed.query)) notes.push(noteOf(facts, 'datafeed', 'tier_query'));
  return [datafeed, notes];
}

/** @param {unknown} value */
function isFull(value) { return isObject(value) && Object.keys(value).length > 0; }

/** As given, unless its job is renamed or a module's: then as Kibana names it, if that is not too long. @param {Entry} entry @param {string} id @param {Facts} facts */
function datafeedId(entry, id, facts) {
  const given = entry.datafeed?.datafeed_id;
  if (typeof given === 'string' && given !== '' && id === entry.id && !entry.isModule) return given;
  return `datafeed-${id}`.length <= facts.id_length ? `datafeed-${id}` : id;
}

/**
 * What the API takes, and a note for each key that nobody knows.
 * @param {Record<string, any>} document @param {'job' | 'datafeed'} about @param {Facts} facts
 * @returns {[Record<string, any>, Note[]]}
 */
function known(document, about, facts) {
  const keys = facts[`${about}_keys`];
  const names = Object.keys(document);
  const unknown = names.filter((key) => !keys.includes(key) && !facts[`${about}_written_by_servers`].includes(key));
  return [Object.fromEntries(names.filter((key) => keys.includes(key)).map((key) => [key, document[key]])),
    unknown.map((key) => noteOf(facts, about, 'unknown_key', { key }))];
}

/**
 * A copy in whose texts the placeholders stand no more, as far as it is known what to put there.
 * @param {Entry} entry @param {Record<string, any>} document @param {string} id @param {Choices} choices @param {Facts} facts
 * @returns {Record<string, any>}
 */
function filledIn(entry, document, id, choices, facts) {
  const index = choices.index || entry.index;
  /** @type {(value: any) => any} */
  const fill = (value) => {
    if (Array.isArray(value)) return value.map(fill);
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each)]));
    if (typeof value !== 'string') return value;
    const named = entry.isModule ? value.replaceAll('JOB_ID', () => id) : value;
    return index ? facts.index_placeholders.reduce((text, name) => text.replaceAll(name, () => index), named) : named;
  };
  return fill(document);
}

/** @param {Record<string, any>} document @param {'job' | 'datafeed'} about @param {Facts} facts @returns {Note[]} */
function unfilled(document, about, facts) {
  const all = allTexts(document);
  return facts.index_placeholders.filter((name) => all.some((text) => text.includes(name))).map((name) => noteOf(facts, about, 'placeholder', { name }));
}

/** @param {unknown} value @returns {string[]} */
function allTexts(value) {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(allTexts) : [];
}

/** @param {unknown} query @returns {boolean} */
function namesTier(query) {
  if (Array.isArray(query)) return query.some(namesTier);
  return isObject(query) && ('_tier' in query || query.field === '_tier' || Object.values(query).some(namesTier));
}

/** The filters that a job's rules name, each once. @param {Record<string, any>} job @returns {string[]} */
export function filtersOf(job) {
  const scopes = objects(job.analysis_config.detectors).flatMap((detector) => objects(detector.custom_rules)).map((rule) => rule.scope).filter(isObject);
  return [...new Set(scopes.flatMap((scope) => objects(Object.values(scope))).map((part) => part.filter_id).filter((id) => typeof id === 'string'))];
}

/** @param {unknown} values @returns {Record<string, any>[]} */
function objects(values) { return Array.isArray(values) ? values.filter(isObject) : []; }

/** @param {unknown} value @returns {string[]} */
function texts(value) { return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string'); }

/** @param {Record<string, any>} given @returns {Planned} */
function plannedFilter(given) {
  const body = Object.fromEntries(['description', 'items'].filter((key) => key in given).map((key) => [key, given[key]]));
  return { name: given.filter_id, body, exists: false, notes: [] };
}

/** @param {Record<string, any>} given @param {Map<string, string>} newIds @returns {Planned} */
function plannedCalendar(given, newIds) {
  const jobIds = texts(given.job_ids).map((each) => newIds.get(each) ?? each);
  const events = objects(given.events).map(({ event_id: _, calendar_id: __, ...event }) => event);
  return { name: given.calendar_id, body: { job_ids: jobIds, ...(given.description && { description: given.description }), events }, exists: false, notes: [] };
}

/** The plan with notes on what exists and what is missing. @param {Plan} plan @param {Surroundings} there @param {Facts} facts @returns {Plan} */
export function against(plan, there, facts) {
  const filters = [...there.filters, ...plan.filters.map(({ name }) => name)];
  const calendars = [...there.calendars, ...plan.calendars.map(({ name }) => name)];
  const found = (/** @type {'filter' | 'calendar'} */ about, /** @type {string[]} */ names) => (/** @type {Planned} */ each) =>
    (names.includes(each.name) ? { ...each, exists: true, notes: [...each.notes, noteOf(facts, about, `${about}_exists`)] } : each);
  const jobs = plan.jobs.map((planned) => {
    const notes = [...planned.notes];
    if (there.jobs.includes(planned.job_id)) notes.push(noteOf(facts, 'job', 'job_exists', { id: planned.job_id }));
    notes.push(...planned.filters.filter((id) => !filters.includes(id)).map((id) => noteOf(facts, 'job', 'missing_filter', { id })));
    notes.push(...planned.calendars.filter((id) => !calendars.includes(id)).map((id) => noteOf(facts, 'job', 'missing_calendar', { id })));
    const feed = planned.datafeed?.datafeed_id;
    if (feed !== undefined && there.datafeeds.includes(feed)) notes.push(noteOf(facts, 'datafeed', 'datafeed_exists', { id: feed }));
    return { ...planned, calendars: planned.calendars.filter((id) => calendars.includes(id)), notes };
  });
  return { ...plan, jobs, filters: plan.filters.map(found('filter', there.filters)), calendars: plan.calendars.map(found('calendar', there.calendars)) };
}
