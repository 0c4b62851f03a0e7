// The form of a rule: what an alert is about, when it is raised, who is told; and what it would have found.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, send } from '../api.js';
import { timeText } from '../clock.js';
import { counted } from '../format.js';
import { wholeRange } from '../model.js';
import { ANOMALY_RULE, HEALTH_RULE, previewRequest, saveRule } from '../queries-alerts.js';
import { GROUPS_OF, NAME_OF_HEALTH, bodyOf, momentsOf, newAction, paramsOf } from '../rule-body.js';
import { DAY } from '../time.js';
import { openDialog, scoreBadge, select } from '../widgets/parts.js';

/** @import {RulesView} from './rules.js' */
/** @import {Action, Rule} from '../types.d.ts' */
/** @import {RuleForm} from '../rule-body.js' */
/** @typedef {{count: number, results: {alert_id: string, job_id: string, timestamp: number, score: number}[]}} Preview */

const PREVIEW_MS = 15 * DAY;
/** @type {Record<string, string>} */
const RESULT_WORDS = { record: 'anomalies (records)', bucket: 'buckets', influencer: 'influencers' };
/** @type {Record<string, string>} */
const GROUP_WORDS = { job: 'a job', detector: 'a detector', entity: 'an entity', influencer: 'an influencer' };

export class RuleDialog {
  /** @param {RulesView} view */
  constructor(view) {
    this.view = view;
    /** @type {RuleForm | null} */ this.form = null;
    /** @type {Rule | null} */ this.former = null;
    /** @type {string[]} of the actions, as JSON that may be half typed */ this.texts = [];
    /** @type {Preview | null} */ this.preview = null;
    this.problem = '';
    this.isBusy = false;
  }

  get isOpen() { return this.form !== null; }

  /** @param {RuleForm} form @param {Rule | null} former null for a new one */
  show(form, former) {
    Object.assign(this, { form, former, texts: form.actions.map(textOf), preview: null, problem: '', isBusy: false });
    this.view.app.changed();
    openDialog();
  }

  close = () => {
    this.form = null;
    if (this.former === null) this.view.app.go({ open: '', job: [], score: 75, type: 'record', group: 'job', kql: '' }, { replace: true });
    this.view.app.changed();
  };

  /** Back leaves the address of a new rule, and with it the form. */
  forgetNew() {
    if (this.former === null) this.form = null;
  }

  /** @param {Partial<RuleForm>} change */
  #set(change) {
    if (this.form) Object.assign(this.form, change);
    this.preview = null;
    this.view.app.changed();
  }

  /** @param {RuleForm} form @returns {RuleForm} with the actions as they are typed @throws {SyntaxError} */
  #read(form) {
    return { ...form, actions: form.actions.map((action, at) => ({ ...action, params: JSON.parse(this.texts[at] || '{}') })) };
  }

  /** @param {(form: RuleForm) => Promise<void>} work */
  async #do(work) {
    Object.assign(this, { isBusy: true, problem: '' });
    this.view.app.changed();
    try {
      if (this.form) await work(this.form);
    } catch (error) {
      this.problem = error instanceof ApiError ? error.reason || error.type : error instanceof Error ? error.message : String(error);
    }
    this.isBusy = false;
    this.view.app.changed();
  }

  #save = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    return this.#do(async (form) => {
      await send(saveRule(this.former?.id ?? null, bodyOf(this.#read(form), this.former)));
      this.close();
      this.view.app.refresh();
    });
  };

  #preview = () => this.#do(async (form) => {
    const { jobs, extents } = this.view.app.panels;
    const meant = (jobs.data ?? []).filter((job) => form.jobs.includes('*') || form.jobs.includes(job.job_id) || (job.groups ?? []).some((group) => form.groups.includes(group)));
    const end = wholeRange(extents.data ?? new Map(), meant.map((job) => job.job_id))?.end ?? Date.now();
    this.preview = await send(previewRequest(paramsOf(form, this.former), { start: end - PREVIEW_MS, end }));
  });

  render() {
    const { form } = this;
    if (!form) return nothing;
    const isHealth = form.type === HEALTH_RULE;
    return html`<dialog aria-labelledby="dialog-title" @close=${this.close}><form class="rule-form" @submit=${this.#save}>
      <h2 id="dialog-title">${this.former ? `Edit ${this.former.name}` : 'Create a rule'}</h2>
      <label>Name <input name="name" required maxlength="1000" .value=${form.name} @input=${(/** @type {Event} */ event) => { form.name = valueOf(event); }}></label>
      ${this.former ? nothing : this.#type(form)}${this.#jobs(form)}${isHealth ? nothing : this.#condition(form)}${this.#actions(form)}
      ${this.preview ? this.#found(this.preview) : nothing}
      ${this.problem ? html`<p class="failure" role="alert">${this.problem}</p>` : nothing}
      <p class="dialog-buttons">${isHealth ? nothing : html`<button type="button" ?disabled=${this.isBusy} @click=${this.#preview}>Preview</button>`}
        <button type="button" @click=${(/** @type {Event} */ event) => /** @type {Element} */ (event.target).closest('dialog')?.close()}>Cancel</button>
        <button class="main" ?disabled=${this.isBusy}>${this.former ? 'Save' : 'Create'}</button></p></form></dialog>`;
  }

  /** Messages differ, so those chosen for the other type are none of this one. @param {RuleForm} form */
  #type(form) {
    const change = (/** @type {string} */ type) => {
      this.texts = [];
      this.#set({ type, actions: [], name: type === HEALTH_RULE && form.name.startsWith('Anomalies') ? NAME_OF_HEALTH : form.name });
    };
    return html`<p>${select({ label: 'About', value: form.type, options: [[ANOMALY_RULE, 'anomalies'], [HEALTH_RULE, 'the health of jobs']], choose: change })}</p>
      ${form.type === HEALTH_RULE ? html`<p class="dim">Tells of datafeeds that stand still, memory limits, delayed data, errors, and failed jobs.</p>` : nothing}`;
  }

  /** @param {RuleForm} form */
  #jobs(form) {
    const known = this.view.app.panels.jobs.data ?? [];
    const isAll = form.jobs.includes('*');
    const ids = [...new Set([...known.map((job) => job.job_id), ...form.jobs.filter((id) => id !== '*')])];
    const groups = [...new Set([...known.flatMap((job) => job.groups ?? []), ...form.groups])].sort();
    const box = (/** @type {'jobs' | 'groups'} */ list, /** @type {string} */ id, /** @type {string} */ text) => html`<label class="option"><input type="checkbox" .checked=${form[list].includes(id)}
      @change=${() => this.#set({ [list]: form[list].includes(id) ? form[list].filter((each) => each !== id) : [...form[list], id] })}> ${text}</label>`;
    return html`<fieldset><legend>Jobs</legend><label class="option"><input type="checkbox" .checked=${isAll} @change=${() => this.#set({ jobs: isAll ? [] : ['*'], groups: [] })}> all jobs, also later ones</label>
      ${isAll ? nothing : html`<div class="options" tabindex="0" role="group" aria-label="Jobs and groups">${groups.map((group) => box('groups', group, `group ${group}`))}${ids.map((id) => box('jobs', id, id))}</div>`}</fieldset>`;
  }

  /** @param {RuleForm} form */
  #condition(form) {
    const number = (/** @type {'score' | 'recover' | 'delay'} */ name, /** @type {string} */ text, /** @type {number} */ least, /** @type {number} */ most) => html`<label>${text}
      <input type="number" name=${name} required min=${least} max=${most} step=${name === 'score' ? 'any' : '1'} .value=${String(form[name])} @change=${(/** @type {Event} */ event) => this.#set({ [name]: Number(valueOf(event)) })}></label>`;
    return html`<fieldset><legend>When</legend><div class="pair">
        ${select({ label: 'Look at', value: form.result, options: Object.entries(RESULT_WORDS), choose: (result) => this.#set({ result, group: GROUPS_OF[result].includes(form.group) ? form.group : 'job' }) })}
        ${number('score', form.result === 'bucket' ? 'Score above' : 'Score from', 0, 100)}
        ${select({ label: 'One alert for', value: form.group, options: GROUPS_OF[form.result].map((group) => /** @type {[string, string]} */ ([group, GROUP_WORDS[group]])), choose: (group) => this.#set({ group }) })}</div>
      <div class="pair">${number('delay', 'Begins after matches', 1, 1000)}${number('recover', 'Over after quiet buckets', 1, 1000)}
        <label class="option"><input type="checkbox" .checked=${form.interim} @change=${() => this.#set({ interim: !form.interim })}> interim results, too</label></div>
      ${form.result === 'bucket' ? nothing : html`<label class="row">Only what matches, in KQL <input name="kql" spellcheck="false" placeholder='partition_field_value: "web-1"' .value=${form.kql} @change=${(/** @type {Event} */ event) => this.#set({ kql: valueOf(event) })}></label>`}</fieldset>`;
  }

  /** @param {RuleForm} form */
  #actions(form) {
    const connectors = this.view.connectors.data ?? [];
    if (connectors.length === 0 && form.actions.length === 0) return html`<p class="dim">There are no connectors, so alerts are only kept and shown. Create one below the list of rules to be told of them.</p>`;
    const add = (/** @type {string} */ id) => {
      const connector = connectors.find((each) => each.id === id);
      if (!connector) return;
      const action = newAction(connector, form.type);
      this.texts.push(textOf(action));
      this.#set({ actions: [...form.actions, action] });
    };
    return html`<fieldset><legend>Tell</legend>${form.actions.map((action, at) => this.#action(form, action, at))}
      <label class="field">Add <select @change=${(/** @type {Event} */ event) => { add(valueOf(event)); /** @type {HTMLSelectElement} */ (event.target).value = ''; }}>
        <option value="">a connector…</option>${connectors.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}</select></label></fieldset>`;
  }

  /** @param {RuleForm} form @param {Action} action @param {number} at */
  #action(form, action, at) {
    const name = this.view.connectors.data?.find(({ id }) => id === action.id)?.name ?? action.id;
    const replace = (/** @type {Action[]} */ ...by) => this.#set({ actions: form.actions.toSpliced(at, 1, ...by) });
    const remove = () => { this.texts.splice(at, 1); replace(); };
    return html`<div class="pair"><strong>${name}</strong>${select({ label: 'Told', hideLabel: true, value: action.group ?? momentsOf(form.type)[0][0], options: momentsOf(form.type),
      choose: (group) => replace({ ...action, group }) })}
      <button type="button" class="quiet" @click=${remove}>Remove<span class="unseen"> ${name}</span></button></div>
      <textarea rows="4" spellcheck="false" aria-label=${`Message to ${name} as JSON`} .value=${this.texts[at] ?? ''} @input=${(/** @type {Event} */ event) => { this.texts[at] = valueOf(event); }}></textarea>`;
  }

  /** @param {Preview} preview */
  #found({ count, results }) {
    const zone = this.view.app.state.tz;
    return html`<div class="notice" role="status"><p>In the last 15 days of results ${count === 0 ? 'nothing matches.' : `${counted(count, 'match', 'matches')}${count > results.length ? `, the first ${results.length}:` : ':'}`}</p>
      ${count === 0 ? nothing : html`<ul>${results.map((each) => html`<li>${timeText(each.timestamp, zone)}: ${each.alert_id} ${scoreBadge(each.score)}</li>`)}</ul>`}</div>`;
  }
}

/** @param {Action} action @returns {string} */
function textOf(action) {
  return JSON.stringify(action.params, null, 2);
}

/** @param {Event} event @returns {string} */
function valueOf(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
