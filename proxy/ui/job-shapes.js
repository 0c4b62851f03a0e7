// The forms in which jobs come as files, read into one, as `lanewatch import` does (proxy/transfer/shapes.py). Pure.

/** @typedef {{id: string, job: Record<string, any>, datafeed: Record<string, any> | null, isModule: boolean, index: string | null}} Entry */
/** @typedef {{entries: Entry[], filters: Record<string, any>[], calendars: Record<string, any>[], skipped: string[]}} Reading */

/**
 * Reads jobs in the form of Kibana's export, a module as its API answers it or as a saved object, bare, or as the API
 * lists them; and the calendars and filters that are exported beside them. One, an array, or one a line.
 * @param {string} text
 * @returns {Reading}
 * @throws {Error} whose message tells a person what is wrong
 */
export function readShapes(text) {
  /** @type {Reading} */
  const reading = { entries: [], filters: [], calendars: [], skipped: [] };
  parsed(text).forEach((value, at) => {
    if (!isObject(value)) throw new Error(`Entry ${at + 1} is no object`);
    add(reading, value, `Entry ${at + 1}`);
  });
  if (reading.entries.length + reading.filters.length + reading.calendars.length === 0) throw new Error('There are no jobs in it');
  return reading;
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {string} text @returns {any[]} */
function parsed(text) {
  try {
    return [JSON.parse(text)].flat();
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      if (lines.length > 1) return lines.flatMap((line) => JSON.parse(line));
    } catch {
      // What is wrong with the whole says more than what is wrong with one of its lines.
    }
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {Reading} reading @param {Record<string, any>} value @param {string} place */
function add(reading, value, place) {
  if ('attributes' in value) {
    const { attributes, type, id } = value;
    if (type === 'ml-module' && Array.isArray(attributes?.jobs)) addJobs(reading, attributes);
    else reading.skipped.push(`the saved object [${id}] of type [${type}] has no jobs`);
  } else if ('exportedCount' in value) {
    // The last line of an export of saved objects, which counts them.
  } else if (Array.isArray(value.jobs)) {
    addJobs(reading, value);
  } else if (!('job' in value || 'job_id' in value) && ('filters' in value || 'calendars' in value)) {
    reading.filters.push(...named(value.filters, 'filter_id'));
    reading.calendars.push(...named(value.calendars, 'calendar_id'));
  } else {
    reading.entries.push(entryOf(value, place));
  }
}

/** The jobs of a module, or those that the API lists. @param {Reading} reading @param {Record<string, any>} value */
function addJobs(reading, value) {
  const feeds = (Array.isArray(value.datafeeds) ? value.datafeeds : []).filter(isObject);
  value.jobs.forEach((/** @type {unknown} */ each, /** @type {number} */ at) => {
    if (!isObject(each)) throw new Error(`Job ${at + 1} of a list is no object`);
    if (!('config' in each)) {
      reading.entries.push(entryOf(each, `Job ${at + 1} of a list`));
      return;
    }
    const config = isObject(each.config) ? each.config : {};
    const datafeed = feeds.find((/** @type {Record<string, any>} */ feed) => feed.job_id === each.id)?.config;
    const entry = entryOf({ job: { ...config, job_id: each.id }, datafeed }, `Job ${at + 1}`);
    reading.entries.push({ ...entry, isModule: true, index: value.defaultIndexPattern || null });
  });
}

/** @param {Record<string, any>} value @param {string} place @returns {Entry} */
function entryOf(value, place) {
  const given = 'job' in value ? value.job : value;
  const { job_id: id, datafeed_config: embedded, ...job } = isObject(given) ? given : {};
  if (typeof id !== 'string' || id === '') throw new Error(`${place} has no job_id`);
  if (!isObject(job.analysis_config)) throw new Error(`The job ${id} has no analysis_config`);
  let datafeed = 'job' in value && isObject(value.datafeed) ? value.datafeed : null;
  if (!datafeed && isObject(embedded)) datafeed = { ...embedded, datafeed_id: embedded.datafeed_id || id };
  return { id, job, datafeed, isModule: false, index: null };
}

/** @param {unknown} values @param {string} key @returns {Record<string, any>[]} */
function named(values, key) {
  const listed = (Array.isArray(values) ? values : []).filter(isObject);
  if (listed.some((value) => typeof value[key] !== 'string')) throw new Error(`One of the ${key.replace('_id', '')}s has no ${key}`);
  return listed;
}
