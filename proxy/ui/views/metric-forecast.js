// Forecasts of a job: making one, which opens a closed job for that time, following its progress, choosing one to see.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, send } from '../api.js';
import { timeText } from '../clock.js';
import { parseDuration } from '../time.js';
import { forecastsRequest } from '../queries-series.js';
import { closeMenu, menu, panelBody } from '../widgets/parts.js';

/** @import {MetricView} from './metric.js' */
/** @import {ApiRequest} from '../types.d.ts' */

const POLL_MS = 1000;
const LISTED = 5;
const LONGEST_DAYS = 3650;

export class Forecasts {
  /** @param {MetricView} view */
  constructor(view) {
    this.view = view;
    this.progress = '';
    this.problem = '';
    /** Another one asks for the list anew. */
    this.round = 0;
  }

  changed() { this.view.app.changed(); }

  /** @param {string} job @param {string} action @param {unknown} [body] */
  async #post(job, action, body) {
    /** @type {ApiRequest} */
    const request = { method: 'POST', path: `/_ml/anomaly_detectors/${encodeURIComponent(job)}/${action}`, ...(body !== undefined && { body }) };
    return send(request);
  }

  /** @param {string} job @param {string} duration */
  async make(job, duration) {
    const wasOpen = this.view.app.panels.stats.data?.get(job)?.state === 'opened';
    Object.assign(this, { problem: '', progress: wasOpen ? 'asking for a forecast' : 'opening the job' });
    this.changed();
    try {
      if (!wasOpen) await this.#post(job, '_open');
      const { forecast_id: id } = await this.#post(job, '_forecast', { duration });
      const made = await this.#follow(job, id);
      if (made) {
        this.#show(made);
        closeMenu(document.querySelector('.forecast form'));
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = `${error.type}: ${error.reason}`;
    }
    this.progress = '';
    // A job that was closed is closed again, whatever became of the forecast.
    if (!wasOpen) await this.#post(job, '_close').catch((error) => { this.problem ||= `the job could not be closed again: ${error.message}`; });
    this.round += 1;
    this.changed();
  }

  /** @param {string} job @param {string} id @returns {Promise<any>} its statistics when it is done; null if it failed */
  async #follow(job, id) {
    for (;;) {
      const answer = await send(forecastsRequest(job));
      const stats = answer.hits?.hits.map((/** @type {any} */ hit) => hit._source).find((/** @type {any} */ each) => each.forecast_id === id);
      if (stats?.forecast_status === 'finished') return stats;
      if (stats?.forecast_status === 'failed') {
        this.problem = (stats.forecast_messages ?? []).join(' ') || 'the forecast failed';
        return null;
      }
      this.progress = `forecasting, ${Math.round((stats?.forecast_progress ?? 0) * 100)} %`;
      this.changed();
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    }
  }

  /** @param {any} stats */
  #show(stats) {
    const [start, end] = [stats.forecast_start_timestamp, stats.forecast_end_timestamp];
    this.view.app.go({ forecast: stats.forecast_id, zoom: { start: Math.max(0, start - (end - start) * 2), end } });
  }

  render() {
    const { view } = this;
    const job = view.job?.job_id ?? '';
    const make = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const form = /** @type {HTMLFormElement} */ (event.target);
      const duration = String(new FormData(form).get('duration')).trim();
      const length = parseDuration(duration);
      if (!(length > 0) || length > LONGEST_DAYS * 86_400_000) {
        this.problem = `“${duration}” must be a duration such as 1d, at most ${LONGEST_DAYS}d`;
        this.changed();
      } else this.make(job, duration);
    };
    return html`${menu('Forecast', html`<form @submit=${make}><label class="field">How far <input name="duration" value="7d" size="6"></label>
        <button class="main" ?disabled=${this.progress !== ''}>Forecast</button></form>
        ${this.progress ? html`<p role="status">${this.progress}…</p>` : nothing}
        ${this.problem ? html`<p class="failure" role="alert">${this.problem}</p>` : nothing}
        ${panelBody(view.forecasts, () => this.#list())}`, 'forecast right')}`;
  }

  #list() {
    const list = (this.view.forecasts.data ?? []).slice(0, LISTED);
    const current = this.view.state.forecast;
    return html`<div class="options">${list.map((stats) => html`<button class="option" aria-pressed=${stats.forecast_id === current}
      @click=${(/** @type {Event} */ event) => { this.#show(stats); closeMenu(/** @type {Element} */ (event.target)); }}>
      made ${timeText(stats.forecast_create_timestamp, this.view.state.tz)}<span class="dim">to ${timeText(stats.forecast_end_timestamp, this.view.state.tz)}</span></button>`)}
      ${current ? html`<button @click=${() => this.view.app.go({ forecast: '' })}>Hide the forecast</button>` : nothing}</div>
      ${list.length === 0 ? html`<p class="dim">There are no forecasts of this job yet.</p>` : nothing}`;
  }
}
