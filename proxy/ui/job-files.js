// Configurations of jobs as texts: what a clone starts from, an entry of an export, names. Pure; reading is job-shapes.js's.

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
