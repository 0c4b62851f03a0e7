// What is told of one job: its settings, datafeed, counts, messages and JSON, a tab each.

import { html, nothing } from '../vendor/lit-html.js';
import { timeText } from '../clock.js';
import { detectorText } from '../entities.js';
import { bytesText, numberText } from '../format.js';
import { copyButton, panelBody } from '../widgets/parts.js';

/** @import {JobsView, Row} from './jobs.js' */
/** @import {Zone} from '../types.d.ts' */

const TABS = [['settings', 'Settings'], ['datafeed', 'Datafeed'], ['counts', 'Counts'], ['messages', 'Messages'], ['preview', 'Preview'], ['json', 'JSON']];

/** @param {JobsView} view @param {Row} row */
export function jobDetails(view, row) {
  const { tab } = view.app.state;
  const current = TABS.some(([name]) => name === tab) ? tab : 'settings';
  const tabs = TABS.filter(([name]) => name !== 'preview' || row.feed);
  return html`<div class="tabs" role="group" aria-label="Details of ${row.job.job_id}">${tabs.map(([name, text]) => html`<button class="quiet" aria-pressed=${name === current}
    @click=${() => view.app.go({ tab: name }, { replace: true })}>${text}</button>`)}</div>
    <div class="tab">${CONTENTS[current](view, row)}</div>`;
}

/** @type {Record<string, (view: JobsView, row: Row) => unknown>} */
const CONTENTS = {
  settings: (view, { job, stats }) => html`<div class="detail-grid"><section><h3>Analysis</h3>${facts([
    ['Bucket span', job.analysis_config.bucket_span], ['Detectors', job.analysis_config.detectors.map(detectorText).join('; ')],
    ['Influencers', (job.analysis_config.influencers ?? []).join(', ') || 'none'], ['Model plot', job.model_plot_config?.enabled ? 'on' : 'off'],
    ['Time field', job.data_description?.time_field ?? '']])}</section>
    <section><h3>Job</h3>${facts([['Created', job.create_time ? timeText(job.create_time, view.app.state.tz) : ''], ['State', stats?.state ?? ''],
    ['Assignment', stats?.assignment_explanation ?? ''], ['Node', stats?.node?.name ?? ''], ['Results index', job.results_index_name ?? ''],
    ['Groups', (job.groups ?? []).join(', ')]])}</section></div>`,
  datafeed: (view, { feed, feedStats, feedState }) => (feed ? html`<div class="detail-grid"><section><h3>Datafeed</h3>${facts([['Id', feed.datafeed_id], ['State', feedState], ['Indices', feed.indices.join(', ')],
    ['Assignment', feedStats?.assignment_explanation ?? '']])}</section>
    <section><h3>Searches</h3>${facts(counts({ ...feedStats?.timing_stats, ...feedStats?.running_state }, view.app.state.tz))}</section></div>${json(feed)}`
    : html`<p class="dim">This job has no datafeed: data is posted to it.</p>`),
  counts: (view, { stats }) => (stats ? html`<div class="detail-grid"><section><h3>Data</h3>${facts(counts(stats.data_counts, view.app.state.tz))}</section>
    <section><h3>Model</h3>${facts(counts(stats.model_size_stats, view.app.state.tz))}</section></div>` : nothing),
  messages: (view) => panelBody(view.messages, () => ((view.messages.data ?? []).length === 0 ? html`<p class="dim">There are no messages.</p>`
    : html`<table><tbody>${view.messages.data?.map((message) => html`<tr><td class="time">${timeText(message.timestamp, view.app.state.tz)}</td><td><span class=${`level ${message.level}`}>${message.level}</span></td><td class="wrap">${message.message}</td></tr>`)}</tbody></table>`)),
  preview: (view) => panelBody(view.preview, () => json(view.preview.data)),
  json: (_, { job }) => json(job),
};

/** @param {[string, string][]} list */
function facts(list) {
  return html`<dl>${list.filter(([, text]) => text !== '').map(([term, text]) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`)}</dl>`;
}

/** @param {Record<string, any>} of @param {Zone} zone @returns {[string, string][]} */
function counts(of, zone) {
  return Object.entries(of).filter(([name, value]) => !['job_id', 'result_type'].includes(name) && ['number', 'string', 'boolean'].includes(typeof value))
    .map(([name, value]) => [name.replaceAll('_', ' '), countText(name, value, zone)]);
}

/** @param {string} name @param {any} value @param {Zone} zone */
function countText(name, value, zone) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value);
  if (/time(stamp)?$|_time_/.test(name) && value > 1e11) return timeText(value, zone);
  return /bytes/.test(name) ? bytesText(value) : numberText(value);
}

/** @param {unknown} value */
function json(value) {
  const text = JSON.stringify(value, null, 2);
  return html`<p>${copyButton('Copy', () => text)}</p><pre class="sample">${text}</pre>`;
}
