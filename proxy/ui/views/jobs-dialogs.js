// Dialogs of the list of jobs: create, import or clone from JSON, start datafeeds from and to chosen times.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, send } from '../api.js';
import { cloneText, freeName } from '../job-files.js';
import { stepsOf } from '../job-steps.js';
import { get } from '../queries.js';
import { timeText } from '../clock.js';
import { parseTime } from '../time.js';
import { carryOut, isPlain, planTable, plainDatafeed, readFacts, readyMade, textOf, tryOut } from './job-transfer.js';
import { feedRequest } from './jobs.js';
import { openDialog } from '../widgets/parts.js';

/** @import {JobsView, Row} from './jobs.js' */
/** @import {ApiRequest} from '../types.d.ts' */
/** @import {Facts, Plan} from '../job-plan.js' */

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
    this.progress = '';
    /** @type {Plan | null} of the last dry run */ this.plan = null;
    /** What the last dry run was asked, as text. */
    this.asked = '';
    /** @type {Facts | undefined} */ this.facts = undefined;
  }

  get isOpen() { return this.shown !== null; }

  /** @param {NonNullable<typeof this.shown>} shown */
  #show(shown) {
    Object.assign(this, { shown, problem: '', isBusy: false, progress: '', plan: null, asked: '' });
    this.view.app.changed();
    openDialog();
  }

  close = () => {
    this.shown = null;
    this.view.app.changed();
  };

  create(text = EXAMPLE) {
    this.#show({ kind: 'create', text });
    // The dialog can be used without them; creating asks again.
    this.#factsRead().then(() => this.view.app.changed(), () => {});
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
  start(rows) {
    this.#show({ kind: 'start', rows: rows.filter(({ feed }) => feed) });
  }

  /** @param {SubmitEvent} event */
  #create = async (event) => {
    event.preventDefault();
    const values = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const text = (/** @type {string} */ name) => String(values.get(name) ?? '').trim();
    const asked = JSON.stringify([...values].filter(([name]) => name !== 'file'));
    const { plan: known, asked: before } = this;
    const isAgreed = known !== null && before === asked;
    const isTrial = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value === 'try';
    try {
      this.#busy('Looking at what exists…');
      const choices = { prefix: text('prefix'), index: text('index') || null, groups: text('groups').split(',').map((name) => name.trim()).filter((name) => name !== '') };
      const plan = await tryOut(text('json'), choices, await this.#factsRead());
      Object.assign(this, { plan, asked });
      if (isTrial || !(isAgreed || isPlain(plan))) this.#busy('');
      else await this.#make(plan);
    } catch (error) {
      Object.assign(this, { plan: null, asked: '' });
      this.#fail(error);
    }
  };

  /** @param {Plan} plan */
  async #make(plan) {
    const steps = stepsOf(plan);
    if (steps.length === 0) throw new Error('Nothing of it can be made: the notes say why');
    const failed = await carryOut(steps, (text) => this.#busy(text));
    if (failed.length > 0) throw new Error(`${failed.length} of ${steps.length} not made. ${failed.join('. ')}`);
    this.close();
    this.view.app.refresh();
  }

  async #factsRead() {
    this.facts ??= await readFacts();
    return this.facts;
  }

  /** @param {string} progress empty where nothing goes on */
  #busy(progress) {
    Object.assign(this, { progress, isBusy: progress !== '', problem: '' });
    this.view.app.changed();
  }

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
    Object.assign(this, { isBusy: false, progress: '' });
    this.problem = error instanceof ApiError ? `${error.type}: ${error.reason}` : error instanceof Error ? error.message : String(error);
    this.view.app.refresh();
  }

  render() {
    const { shown } = this;
    if (!shown) return nothing;
    return html`<dialog aria-labelledby="dialog-title" @close=${this.close}>${shown.kind === 'create' ? this.#createForm(shown.text) : this.#startForm(shown.rows)}</dialog>`;
  }

  #buttons(/** @type {string} */ text, /** @type {unknown} */ more = nothing) {
    return html`${this.problem ? html`<p class="failure" role="alert">${this.problem}</p>` : nothing}
      ${this.progress ? html`<p class="dim" role="status">${this.progress}</p>` : nothing}
      <p class="dialog-buttons"><button type="button" @click=${(/** @type {Event} */ event) => /** @type {Element} */ (event.target).closest('dialog')?.close()}>Cancel</button>${more}
        <button class="main" ?disabled=${this.isBusy}>${text}</button></p>`;
  }

  /** @param {string} text */
  #createForm(text) {
    const fill = async (/** @type {HTMLInputElement | HTMLSelectElement} */ from, /** @type {() => Promise<string>} */ read) => {
      const area = /** @type {HTMLTextAreaElement} */ (from.form?.elements.namedItem('json'));
      try {
        area.value = await read();
      } catch (error) {
        this.#fail(error);
      }
    };
    const load = (/** @type {{target: any}} */ { target }) => (target.files.length > 0 ? fill(target, () => textOf(target.files)) : undefined);
    const pick = (/** @type {{target: any}} */ { target }) => (target.value ? fill(target, () => readyMade(target.value)) : undefined);
    const { plan, facts } = this;
    const isAsked = plan !== null && !isPlain(plan);
    return html`<form @submit=${this.#create}><h2 id="dialog-title">Create from JSON</h2>
      <p class="dim">A job, or <code>{"job": …, "datafeed": …}</code> as an export of Kibana or of this page has it, a list of them, or a module of Kibana.</p>
      <label>From files <input type="file" name="file" multiple accept=".json,.ndjson,application/json" @change=${load}></label>
      ${facts ? html`<label>Ready-made <select name="ready-made" @change=${pick}><option value="">none</option>${facts.ready_made.map((name) => html`<option>${name}</option>`)}</select></label>` : nothing}
      <label class="unseen" for="job-json">JSON</label><textarea id="job-json" name="json" rows="14" spellcheck="false" .value=${text}></textarea>
      <p class="choices"><label>Index <input name="index" placeholder="as in the JSON"></label>
        <label>Prefix of names <input name="prefix"></label> <label>Add to groups <input name="groups" placeholder="with commas between"></label></p>
      ${plan ? planTable(plan) : nothing}
      ${this.#buttons(isAsked ? 'Create what is possible' : 'Create', html`<button value="try" ?disabled=${this.isBusy}>Dry run</button>`)}</form>`;
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
