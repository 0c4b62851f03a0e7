// Why there is nothing to see, and what one can do about it.

import { html, nothing } from '../vendor/lit-html.js';
import { rangeText } from '../clock.js';
import { toCurl } from '../curl.js';
import { apiRoot } from '../api.js';
import { counted, scoreText } from '../format.js';
import { metricLink } from '../links.js';
import { wholeRange } from '../model.js';
import { overlaps } from '../time.js';
import { copyButton, emptyState } from '../widgets/parts.js';

/** @import {App} from '../app.js' */
/** @import {ApiRequest, Job, Range} from '../types.d.ts' */

/** @type {ApiRequest} */
const SAMPLE = {
  method: 'PUT',
  path: '/_ml/anomaly_detectors/response-times',
  body: {
    analysis_config: {
      bucket_span: '15m',
      detectors: [{ function: 'high_mean', field_name: 'took', partition_field_name: 'host' }],
      influencers: ['host'],
    },
    data_description: { time_field: '@timestamp' },
    model_plot_config: { enabled: true },
    datafeed_config: { indices: ['my-index'] },
  },
};

export function noJobs() {
  return emptyState('There are no jobs yet', 'A job says what to watch: a function, a field, and how long a bucket is.', html`
    <pre class="sample">${toCurl(SAMPLE, apiRoot())}</pre>
    ${copyButton('Copy this example', () => toCurl(SAMPLE, apiRoot()))} <a href="jobs?open=*new">Create a job from JSON</a>`);
}

/**
 * @param {App} app @param {Job[]} jobs @param {Range | null} [range] that was asked for
 */
export function noResults(app, jobs, range = null) {
  const extents = app.panels.extents.data ?? new Map();
  const whole = wholeRange(extents, jobs.map((job) => job.job_id));
  if (!whole) return neverStarted(app, jobs);
  if (range && !overlaps(whole, range)) {
    return emptyState('No results in this time', `Results run ${rangeText(whole, app.state.tz)}.`,
      html`<button @click=${() => app.go({ from: '', to: '', t: null, lane: [] })}>Show them</button>`);
  }
  const found = jobs.map((job) => extents.get(job.job_id)).filter((extent) => extent !== undefined);
  const buckets = found.reduce((sum, extent) => sum + extent.buckets, 0);
  const worst = Math.max(0, ...found.map((extent) => extent.worst));
  return emptyState('Analysed, and nothing unusual', `${counted(buckets, 'bucket')} were analysed; the highest score was ${scoreText(worst)}.`,
    html`<a href=${metricLink(jobs[0].job_id, app.state.tz)}>Look at the series</a>`);
}

/** @param {App} app @param {Job[]} jobs */
function neverStarted(app, jobs) {
  const stats = app.panels.stats.data;
  const isOpen = jobs.some((job) => stats?.get(job.job_id)?.state === 'opened');
  const records = jobs.reduce((sum, job) => sum + (stats?.get(job.job_id)?.data_counts?.processed_record_count ?? 0), 0);
  const body = records > 0 ? `${counted(records, 'record')} were read, but no bucket is complete yet. Results come when the first one ends.`
    : isOpen ? 'The job is open and waits for data: post some, or start its datafeed.' : 'The job has not read any data yet: open it and start its datafeed, or post data to it.';
  return emptyState('No results yet', body, jobs.length > 0 ? html`<a href=${`jobs?open=${jobs[0].job_id}&tab=datafeed`}>Go to the job</a>` : nothing);
}
