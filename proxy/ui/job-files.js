// Job configurations as files and as what people paste: read, copied under another name, written. Pure.

/** @import {ApiRequest} from './types.d.ts' */
/** @typedef {{id: string, job: Record<string, any>, datafeed: Record<string, any> | null}} JobFile */

/**
 * Reads one job or several: a bare job, `{job, datafeed}` as Kibana exports it, or an array of either.
 * @param {string} text JSON
 * @returns {JobFile[]}
 * @throws {Error} whose message tells a person what is wrong
 */
export function readJobFiles(text) {
  /** @type {any} */
  let read;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  const entries = Array.isArray(read) ? read : [read];
  if (entries.length === 0) throw new Error('The list has no jobs');
  return entries.map(readEntry);
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
  const { managed: _, ...settings } = rest.custom_settings ?? {};
  const copy = { ...rest, job_id: id, ...(Object.keys(settings).length > 0 ? { custom_settings: settings } : {}) };
  if (Object.keys(settings).length === 0) delete copy.custom_settings;
  const feed = datafeed ?? embedded ?? null;
  const entry = feed ? { job: copy, datafeed: { ...feed, datafeed_id: `datafeed-${id}`, job_id: id } } : copy;
  return JSON.stringify(entry, null, 2);
}

/** @param {string} id @param {string[]} taken @returns {string} a free name like it */
export function freeName(id, taken) {
  const base = id.replace(/-copy(-\d+)?$/, '');
  for (let count = 1; ; count += 1) {
    const name = `${base.slice(0, 56)}-copy${count > 1 ? `-${count}` : ''}`;
    if (!taken.includes(name)) return name;
  }
}
