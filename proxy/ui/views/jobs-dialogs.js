// Dialogs of the list of jobs: create or clone from JSON, start datafeeds from and to chosen times; and the export.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, send } from '../api.js';
import { cloneText, creationRequests, exportEntry, freeName, readJobFiles } from '../job-files.js';
import { get, jobsRequest } from '../queries.js';
import { timeText } from '../clock.js';
import { parseTime } from '../time.js';
import { saveFile } from '../widgets/parts.js';
import { feedRequest } from './jobs.js';

/** @import {JobsView, Row} from './jobs.js' */
/** @import {ApiRequest, Job} from '../types.d.ts' */

const EXAMPLE = JSON.stringify({
  job_id: 'response-times',
  analysis_config: { bucket_span: '15m', detectors: [{ function: 'high_mean', field_name: 'took', partition_field_name: 'host' }], influencers: ['host'] },
  data_description: { time_field: '@timestamp' },
  model_plot_config: { enabled: true },
}, null, 2);

export class JobDialogs {
  /** @param {JobsView} view */
  constructor(view) {
    this.view = view;
    /** @type {{kind: 'create', text: string} | {kind: 'start', rows: Row[]} | null} */
    this.shown = null;
    this.problem = '';
    this.isBusy = false;
  }

  get isOpen() { return this.shown !== null; }

  /** @param {NonNullable<typeof this.shown>} shown */
  #show(shown) {
    Object.assign(this, { shown, problem: '', isBusy: false });
    this.view.app.changed();
    setTimeout(() => {
      const dialog = document.querySelector('dialog');
      if (dialog && !dialog.open) dialog.showModal();
    });
  }

  close = () => {
    this.shown = null;
    this.view.app.changed();
  };

  create(text = EXAMPLE) {
    this.#show({ kind: 'create', text });
  }

  /** @param {Row} row */
  async clone({ job, feed }) {
    const id = job.job_id;
    const taken = (this.view.app.panels.jobs.data ?? []).map((each) => each.job_id);
    try {
      const { jobs: [plain] } = await send(get(`/_ml/anomaly_detectors/${encodeURIComponent(id)}?exclude_generated=true`));
      const datafeed = feed ? await plainDatafeed(feed.datafeed_id) : null;
      this.create(cloneText(plain, datafeed, freeName(id, taken)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.view.problems = [error.message];
      this.view.app.changed();
    }
  }

  /** @param {Row[]} rows */
  async exportJobs(rows) {
    const entries = [];
    for (const { job, feed } of rows) {
      const { jobs: [plain] } = await send(get(`/_ml/anomaly_detectors/${encodeURIComponent(job.job_id)}?exclude_generated=true`));
      entries.push(exportEntry(plain, feed ? await plainDatafeed(feed.datafeed_id) : null, job.job_id));
    }
    saveFile('anomaly_detection_jobs.json', JSON.stringify(entries.length === 1 ? entries[0] : entries, null, 2), 'application/json');
  }

  /** @param {Row[]} rows */
  start(rows) {
    this.#show({ kind: 'start', rows: rows.filter(({ feed }) => feed) });
  }

  /** @param {SubmitEvent} event */
  #create = async (event) => {
    event.preventDefault();
    const values = new FormData(/** @type {HTMLFormElement} */ (event.target));
    try {
      const files = readJobFiles(String(values.get('json')));
      const { jobs } = await send(jobsRequest());
      const known = files.map(({ id }) => id).filter((id) => jobs.some((/** @type {Job} */ job) => job.job_id === id));
      // Said before any is made, so that several are made together or not at all.
      if (known.length > 0) throw new Error(`There are jobs of these names already: ${known.join(', ')}`);
      await this.#sendAll(files.flatMap(creationRequests));
    } catch (error) {
      this.#fail(error);
    }
  };

  /** @param {Row[]} rows */
  #start = (rows) => async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const values = new FormData(/** @type {HTMLFormElement} */ (event.target));
    try {
      const body = startBody(values, Date.now());
      const requests = rows.flatMap(({ job, stats, feed }) => [
        ...(stats?.state === 'opened' ? [] : [/** @type {ApiRequest} */ ({ method: 'POST', path: `/_ml/anomaly_detectors/${encodeURIComponent(job.job_id)}/_open` })]),
        feedRequest(feed?.datafeed_id ?? '', '/_start', bodyFor(body, stats?.data_counts?.latest_record_timestamp)),
      ]);
      await this.#sendAll(requests);
    } catch (error) {
      this.#fail(error);
    }
  };

  /** @param {ApiRequest[]} requests */
  async #sendAll(requests) {
    this.isBusy = true;
    this.view.app.changed();
    for (const request of requests) await send(request);
    this.close();
    this.view.app.refresh();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.isBusy = false;
    this.problem = error instanceof ApiError ? `${error.type}: ${error.reason}` : error instanceof Error ? error.message : String(error);
    this.view.app.refresh();
  }

  render() {
    const { shown } = this;
    if (!shown) return nothing;
    return html`<dialog aria-labelledby="dialog-title" @close=${this.close}>${shown.kind === 'create' ? this.#createForm(shown.text) : this.#startForm(shown.rows)}</dialog>`;
  }

  #buttons(/** @type {string} */ text) {
    return html`${this.problem ? html`<p class="failure" role="alert">${this.problem}</p>` : nothing}
      <p class="dialog-buttons"><button type="button" @click=${(/** @type {Event} */ event) => /** @type {Element} */ (event.target).closest('dialog')?.close()}>Cancel</button>
        <button class="main" ?disabled=${this.isBusy}>${text}</button></p>`;
  }

  /** @param {string} text */
  #createForm(text) {
    const load = async (/** @type {Event} */ event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      const area = /** @type {HTMLTextAreaElement} */ (input.form?.elements.namedItem('json'));
      if (input.files?.[0]) area.value = await input.files[0].text();
    };
    return html`<form @submit=${this.#create}><h2 id="dialog-title">Create from JSON</h2>
      <p class="dim">A job, or <code>{"job": …, "datafeed": …}</code> as an export of Kibana or of this page has it, a list of them, or a module of Kibana.</p>
      <label>From a file <input type="file" accept=".json,.ndjson,application/json" @change=${load}></label>
      <label class="unseen" for="job-json">JSON</label><textarea id="job-json" name="json" rows="18" spellcheck="false" .value=${text}></textarea>
      ${this.#buttons('Create')}</form>`;
  }

  /** @param {Row[]} rows */
  #startForm(rows) {
    const radio = (/** @type {string} */ name, /** @type {string} */ value, /** @type {unknown} */ label, isOn = false) => html`<label class="option"><input type="radio" name=${name} value=${value} ?checked=${isOn}> ${label}</label>`;
    const latest = rows.length === 1 ? rows[0].stats?.data_counts?.latest_record_timestamp : undefined;
    const onward = latest === undefined ? 'where each stopped, or the beginning of the data' : `where it stopped, after ${timeText(latest, this.view.app.state.tz)}`;
    return html`<form @submit=${this.#start(rows)}><h2 id="dialog-title">Start ${rows.length === 1 ? rows[0].feed?.datafeed_id : `${rows.length} datafeeds`}</h2>
      <fieldset><legend>From</legend>${radio('start', 'continue', rows.length === 1 && latest === undefined ? 'the beginning of the data' : onward, true)}${rows.length === 1 && latest === undefined ? nothing : radio('start', 'beginning', 'the beginning of the data')}${radio('start', 'now', 'now')}
        ${radio('start', 'chosen', html`a time <input name="start_time" aria-label="Start time" placeholder="2024-01-31T00:00Z" @input=${choose}>`)}</fieldset>
      <fieldset><legend>To</legend>${radio('end', 'none', 'no end: go on with new data', true)}${radio('end', 'chosen', html`a time <input name="end_time" aria-label="End time" placeholder="now" @input=${choose}>`)}</fieldset>
      ${this.#buttons('Start')}</form>`;
  }
}

/** Typing a time chooses it. @param {Event} event */
function choose(event) {
  const radio = /** @type {HTMLInputElement | null} */ (/** @type {Element} */ (event.target).closest('label')?.querySelector('[type=radio]') ?? null);
  if (radio) radio.checked = true;
}

/** @param {string} feed @returns {Promise<Record<string, any> | null>} */
async function plainDatafeed(feed) {
  const { datafeeds } = await send(get(`/_ml/datafeeds/${encodeURIComponent(feed)}?exclude_generated=true`));
  return datafeeds?.[0] ? { ...datafeeds[0], datafeed_id: feed } : null;
}

/**
 * @param {FormData} values @param {number} now
 * @returns {{start: 'continue' | number, end: number | null}}
 * @throws {Error} for what is no time
 */
export function startBody(values, now) {
  const time = (/** @type {string} */ name) => {
    const text = String(values.get(name) ?? '').trim();
    const read = parseTime(text, now);
    if (Number.isNaN(read)) throw new Error(`“${text}” is no time`);
    return read;
  };
  /** @type {Record<string, () => 'continue' | number>} */
  const starts = { continue: () => 'continue', beginning: () => 0, now: () => now, chosen: () => time('start_time') };
  const start = starts[String(values.get('start'))]();
  const end = values.get('end') === 'chosen' ? time('end_time') : null;
  if (end !== null && start !== 'continue' && end <= start) throw new Error('The end must come after the start');
  return { start, end };
}

/**
 * @param {{start: 'continue' | number, end: number | null}} body @param {number | undefined} latest record that the job has seen
 * @returns {Record<string, string>}
 */
export function bodyFor({ start, end }, latest) {
  const from = start === 'continue' ? (latest === undefined ? 0 : latest + 1) : start;
  return { start: String(from), ...(end !== null && { end: String(end) }) };
}
