// Annotations of a series: made by dragging over the chart, edited, deleted; those of the system are only shown.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, send } from '../api.js';
import { rangeText, timeText } from '../clock.js';
import { sideOf } from '../entities.js';
import { MINUTE } from '../time.js';
import { panelBody } from '../widgets/parts.js';

/** @import {MetricView} from './metric.js' */
/** @import {Annotation, AnnotationSource, ApiRequest, Detector, Filter, Range} from '../types.d.ts' */

const WRITE = '/.ml-annotations-write/_doc?refresh=wait_for&require_alias=true';
const SYSTEM = '_xpack';
const NOBODY = '<user unknown>';
const MOST_CHARACTERS = 10_000;
const NAME_KEY = 'lanewatch.name';

/** @param {Annotation} annotation @returns {ApiRequest} that only succeeds where nobody else changed it */
function deleteRequest({ index, id, seqNo, primaryTerm }) {
  return { method: 'DELETE', path: `/${encodeURIComponent(index)}/_doc/${encodeURIComponent(id)}?refresh=wait_for&if_seq_no=${seqNo}&if_primary_term=${primaryTerm}` };
}

/** @param {Annotation} annotation @param {AnnotationSource} body @returns {ApiRequest} */
function editRequest(annotation, body) {
  return { ...deleteRequest(annotation), method: 'PUT', body };
}

/**
 * @param {{job: string, detector: Detector, entities: Filter[], range: Range, text: string, name: string, now: number}} made
 * @returns {AnnotationSource}
 */
export function newAnnotation({ job, detector, entities, range, text, name, now }) {
  /** @type {AnnotationSource} */
  const source = {
    timestamp: range.start, end_timestamp: range.end, annotation: text, job_id: job, type: 'annotation', event: 'user',
    detector_index: detector.detector_index, create_time: now, create_username: name || NOBODY, modified_time: now, modified_username: name || NOBODY,
  };
  for (const { field, value } of entities) {
    const side = sideOf(detector, field);
    source[`${side}_field_name`] = field;
    source[`${side}_field_value`] = value;
  }
  return source;
}

export class Annotations {
  /** @param {MetricView} view */
  constructor(view) {
    this.view = view;
    /** Whether the next drag over the chart makes one. */
    this.isDrawing = false;
    /** @type {{range: Range, annotation: Annotation | null} | null} what is being written */
    this.form = null;
    this.problem = '';
    this.isBusy = false;
  }

  changed() { this.view.app.changed(); }

  toggle() {
    this.isDrawing = !this.isDrawing;
    this.changed();
  }

  /** @param {Range} dragged */
  begin(dragged) {
    // A pixel is seldom a whole minute.
    const range = { start: Math.floor(dragged.start / MINUTE) * MINUTE, end: Math.ceil(dragged.end / MINUTE) * MINUTE };
    Object.assign(this, { isDrawing: false, form: { range, annotation: null }, problem: '' });
    this.#focusForm();
  }

  /** @param {Annotation} annotation */
  edit(annotation) {
    const { timestamp: start, end_timestamp: end } = annotation.source;
    Object.assign(this, { form: { range: { start, end: end ?? start }, annotation }, problem: '' });
    this.#focusForm();
  }

  #focusForm() {
    this.changed();
    setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('.annotation-form textarea'))?.focus());
  }

  cancel() {
    this.form = null;
    this.changed();
  }

  /** @param {SubmitEvent} event */
  submit = (event) => {
    event.preventDefault();
    const values = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const [text, name] = [String(values.get('text')).trim(), String(values.get('name') ?? '').trim()];
    const { view, form } = this;
    if (!form || !view.job || !view.detector) return;
    if (text === '') {
      this.problem = 'Write what happened';
      this.changed();
      return;
    }
    keepName(name);
    const now = Date.now();
    const request = form.annotation
      ? editRequest(form.annotation, { ...form.annotation.source, annotation: text, modified_time: now, modified_username: name || NOBODY })
      : /** @type {ApiRequest} */ ({ method: 'POST', path: WRITE,
        body: newAnnotation({ job: view.job.job_id, detector: view.detector, entities: view.entities, range: form.range, text, name, now }) });
    this.#write(request);
  };

  /** @param {Annotation} annotation */
  remove(annotation) {
    if (confirm(`Delete the annotation “${annotation.source.annotation.slice(0, 80)}”?`)) this.#write(deleteRequest(annotation));
  }

  /** @param {ApiRequest} request */
  async #write(request) {
    this.isBusy = true;
    try {
      await send(request);
      Object.assign(this, { form: null, problem: '' });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = error.status === 409 ? 'Somebody else has changed it meanwhile: what is shown now is theirs' : `${error.type}: ${error.reason}`;
    }
    this.isBusy = false;
    this.view.annotations.key = '';
    this.changed();
  }

  render() {
    const { view } = this;
    const list = view.ownAnnotations();
    return html`<section class="panel"><div class="panel-head"><h2>Annotations</h2><span class="dim">${list.length || 'none'} of this series and its job</span></div>
      ${this.problem ? html`<p class="failure" role="alert">${this.problem}</p>` : nothing}
      ${this.form ? this.#formTemplate(this.form) : nothing}
      ${panelBody(view.annotations, () => (list.length === 0 ? html`<p class="dim">Press “Annotate” above the chart and drag over the time that you want to describe.</p>`
        : html`<div class="scroll-x"><table><thead><tr><th>Time</th><th>Text</th><th>By</th><th><span class="unseen">Actions</span></th></tr></thead>
          <tbody>${list.map((annotation) => this.#row(annotation))}</tbody></table></div>`))}</section>`;
  }

  /** @param {{range: Range, annotation: Annotation | null}} form */
  #formTemplate({ range, annotation }) {
    return html`<form class="annotation-form" @submit=${this.submit}>
      <p><strong>${annotation ? 'Edit the annotation of' : 'Annotate'}</strong> ${rangeText(range, this.view.state.tz)}</p>
      <label>What happened <textarea name="text" rows="2" maxlength=${MOST_CHARACTERS} .value=${annotation?.source.annotation ?? ''}></textarea></label>
      <label>Your name <input name="name" autocomplete="name" .value=${keptName()}></label>
      <p><button class="main" ?disabled=${this.isBusy}>Save</button> <button type="button" @click=${() => this.cancel()}>Cancel</button></p></form>`;
  }

  /** @param {Annotation} annotation */
  #row(annotation) {
    const { source } = annotation;
    const { tz } = this.view.state;
    const isSystem = source.create_username === SYSTEM || (source.event !== undefined && source.event !== 'user');
    const range = { start: source.timestamp, end: source.end_timestamp ?? source.timestamp };
    return html`<tr><td class="time"><button class="quiet" title="Zoom there" @click=${() => this.view.zoomTo(padded(range))}>${range.end > range.start ? rangeText(range, tz) : timeText(range.start, tz)}</button></td>
      <td class="wrap">${source.annotation} ${isSystem ? html`<span class="tag">${(source.event ?? 'system').replaceAll('_', ' ')}</span>` : nothing}</td>
      <td>${isSystem ? 'the system' : source.modified_username ?? source.create_username}</td>
      <td class="time">${isSystem ? nothing : html`<button class="quiet" @click=${() => this.edit(annotation)}>Edit</button>
        <button class="quiet danger" @click=${() => this.remove(annotation)}>Delete</button>`}</td></tr>`;
  }
}

/** @param {Range} range @returns {Range} with room around */
function padded({ start, end }) {
  const room = Math.max(3_600_000, (end - start) * 2);
  return { start: Math.max(0, start - room), end: end + room };
}

/** @returns {string} */
function keptName() {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} name */
function keepName(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // Storage may be forbidden; then the name is asked for again.
  }
}
