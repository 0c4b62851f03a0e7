// Job configurations as files and as what people paste: read, copied under another name, written. Pure.

/** @import {ApiRequest} from './types.d.ts' */
/** @typedef {{id: string, job: Record<string, any>, datafeed: Record<string, any> | null}} JobFile */

/**
 * Reads one job or several: a bare job, `{job, datafeed}` as Kibana exports it, a module of Kibana as its API answers it
 * or as a saved object, an array or lines of any of them.
 * @param {string} text JSON, or one JSON a line
 * @returns {JobFile[]}
 * @throws {Error} whose message tells a person what is wrong
 */
export function readJobFiles(text) {
  const entries = parsed(text).flatMap(ofModule);
  if (entries.length === 0) throw new Error('The list has no jobs');
  return entries.map(readEntry);
}

/** @param {string} text @returns {any[]} */
function parsed(text) {
  try {
    const read = JSON.parse(text);
    return Array.isArray(read) ? read : [read];
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      if (lines.length > 1) return lines.map((line) => JSON.parse(line));
    } catch {
      // What is wrong with the whole says more than what is wrong with its first line.
    }
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * The jobs of a module with their datafeeds, its placeholders filled in; anything else as it is.
 * @param {any} entry
 * @returns {any[]}
 */
function ofModule(entry) {
  const module = entry?.type === 'ml-module' ? entry.attributes : entry;
  if (!Array.isArray(module?.jobs)) return [entry];
  return module.jobs.map((/** @type {any} */ { id, config }) => {
    const feed = (module.datafeeds ?? []).find((/** @type {any} */ each) => each.job_id === id);
    const filled = (/** @type {unknown} */ value) => JSON.parse(JSON.stringify(value)
      .replaceAll('JOB_ID', id).replaceAll(/INDEX_PATTERN_(NAME|ID)/g, JSON.stringify(module.defaultIndexPattern ?? '').slice(1, -1)));
    return { job: { ...filled(config ?? {}), job_id: id }, ...(feed && { datafeed: { ...filled(feed.config), datafeed_id: `datafeed-${id}` } }) };
  });
}

/** @param {any} entry @param {number} at @returns {JobFile} */
function readEntry(entry, at) {
  if (entry === null || typeof entry !== 'object') throw new Error(`Entry ${at + 1} is no object`);
  const job = { ...(entry.job ?? entry) };
  const id = job.job_id;
  if (typeof id !== 'string' || id === '') throw new Error(`Entry ${at + 1} has no job_id`);
  if (typeof job.analysis_config !== 'object') throw new Error(`The job ${id} has no analysis_config`);
  delete job.job_id;
  return { id, job, datafeed: entry.datafeed ? { ...entry.datafeed, job_id: id } : null };
}

/** @param {JobFile} file @returns {ApiRequest[]} in their order */
export function creationRequests({ id, job, datafeed }) {
  /** @type {ApiRequest[]} */
  const requests = [{ method: 'PUT', path: `/_ml/anomaly_detectors/${encodeURIComponent(id)}`, body: job }];
  if (datafeed) {
    const { datafeed_id: feed = `datafeed-${id}`, ...body } = datafeed;
    requests.push({ method: 'PUT', path: `/_ml/datafeeds/${encodeURIComponent(feed)}`, body });
  }
  return requests;
}

/**
 * What a clone starts from.
 * @param {Record<string, any>} job without what the cluster generated
 * @param {Record<string, any> | null} datafeed likewise
 * @param {string} id of the new job
 * @returns {string} JSON to edit
 */
export function cloneText(job, datafeed, id) {
  const { datafeed_config: embedded, ...rest } = job;
  const copy = { ...unmanaged(rest), job_id: id };
  const feed = datafeed ?? embedded ?? null;
  const entry = feed ? { job: copy, datafeed: { ...feed, datafeed_id: `datafeed-${id}`, job_id: id } } : copy;
  return JSON.stringify(entry, null, 2);
}

/** Somebody else's program does not manage a copy. @param {Record<string, any>} job @returns {Record<string, any>} */
function unmanaged({ custom_settings: { managed: _, ...settings } = {}, ...job }) {
  return { ...job, ...(Object.keys(settings).length > 0 && { custom_settings: settings }) };
}

/**
 * An entry of an export, in the form of Kibana's.
 * @param {Record<string, any>} job without what the cluster generated @param {Record<string, any> | null} datafeed likewise
 * @param {string} id
 */
export function exportEntry(job, datafeed, id) {
  const { datafeed_config: embedded, ...rest } = job;
  const feed = datafeed ?? embedded ?? null;
  return { job: { ...unmanaged(rest), job_id: id }, ...(feed && { datafeed: { ...feed, job_id: id } }) };
}

/** @param {string} id @param {string[]} taken @returns {string} a free name like it */
export function freeName(id, taken) {
  const base = id.replace(/-copy(-\d+)?$/, '');
  for (let count = 1; ; count += 1) {
    const name = `${base.slice(0, 56)}-copy${count > 1 ? `-${count}` : ''}`;
    if (!taken.includes(name)) return name;
  }
}
