// The custom URLs of a job for one record: tokens replaced, everything but http, https and relative addresses refused.

import { influencersOf } from './entities.js';
import { SECOND, parseDuration } from './time.js';

/** @import {AnomalyRecord, CustomUrl, Job} from './types.d.ts' */
/** @typedef {{name: string, href: string | null, reason?: string}} Link `href` is null where it cannot be followed */

/** What Kibana serves: it is known only inside Kibana where these lie. */
const KIBANA = /^(discover#\/|dashboards#\/|apm#\/|metrics\/|security\/|siem#\/)/;

/** @param {Job} job @param {AnomalyRecord} record @returns {Link[]} */
export function customLinks(job, record) {
  return (job.custom_settings?.custom_urls ?? []).map((url) => customLink(url, record));
}

/** @param {CustomUrl} url @param {AnomalyRecord} record @returns {Link} */
export function customLink(url, record) {
  const href = substituted(url, record);
  if (KIBANA.test(href)) return { name: url.url_name, href: null, reason: 'leads into Kibana, whose address is not known here' };
  if (!isAllowed(href)) return { name: url.url_name, href: null, reason: 'only http, https and relative addresses are followed' };
  return { name: url.url_name, href };
}

/** @param {string} href */
function isAllowed(href) {
  // Browsers drop these characters before they read the scheme.
  const seen = href.replace(/[\u0000-\u0020]/g, '');
  return !/^[a-z][a-z0-9+.-]*:/i.test(seen) || /^https?:\/\//i.test(seen);
}

/** @param {CustomUrl} url @param {AnomalyRecord} record @returns {string} */
function substituted(url, record) {
  return url.url_value.replace(/\$([^$\s&?/]{1,200})\$/g, (_token, name) => {
    const value = tokenValue(name, url, record);
    return value === null ? '' : encodeURIComponent(value);
  });
}

/** @param {string} name @param {CustomUrl} url @param {AnomalyRecord} record @returns {string | null} */
function tokenValue(name, url, record) {
  const span = record.bucket_span * SECOND;
  const around = parseDuration(url.time_range ?? '') || span;
  if (name === 'earliest') return new Date(record.timestamp - around).toISOString();
  if (name === 'latest') return new Date(record.timestamp + span + around).toISOString();
  const value = record[name] ?? nested(record, name) ?? influencersOf(record).find((entity) => entity.field === name)?.value;
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || first === null || typeof first === 'object' ? null : String(first);
}

/** @param {Record<string, unknown>} document @param {string} name @returns {unknown} */
function nested(document, name) {
  /** @type {any} */
  let value = document;
  for (const step of name.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}
