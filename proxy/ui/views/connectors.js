// Connectors, which carry messages about alerts: their list below the rules, a form for new ones, and trials.
// What each kind asks for is connector-kinds.js's matter.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError, send } from '../api.js';
import { KINDS, bodyOf, kindOf } from '../connector-kinds.js';
import { counted } from '../format.js';
import { deleteConnector, newConnector, tryConnector } from '../queries-alerts.js';
import { emptyState, openDialog, panelBody, select } from '../widgets/parts.js';

/** @import {RulesView} from './rules.js' */
/** @import {ApiRequest, Connector} from '../types.d.ts' */
/** @import {ConnectorField, ConnectorForm} from '../connector-kinds.js' */

export class ConnectorsPart {
  /** @param {RulesView} view */
  constructor(view) {
    this.view = view;
    /** @type {ConnectorForm | null} */ this.form = null;
    this.problem = '';
    this.isBusy = false;
    /** @type {{name: string, problem: string} | null} how the last trial went */ this.tried = null;
  }

  #create = () => {
    Object.assign(this, { form: { name: '', kind: KINDS[0], values: {} }, problem: '' });
    this.view.app.changed();
    openDialog();
  };

  #close = () => {
    this.form = null;
    this.view.app.changed();
  };

  #save = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (!this.form) return;
    this.problem = await this.#sent(newConnector(bodyOf(this.form)));
    if (this.problem === '') this.#close();
    this.view.connectors.retry();
  };

  /** @param {Connector} connector */
  async #try(connector) {
    this.tried = null;
    const trial = kindOf(connector.connector_type_id)?.trial(/** @type {Record<string, string>} */ (connector.config)) ?? {};
    let answer = { status: 'error', service_message: '' };
    const problem = await this.#sent(tryConnector(connector.id, trial), (given) => { answer = given; });
    this.tried = { name: connector.name, problem: answer.status === 'ok' ? '' : problem || answer.service_message };
    this.view.app.changed();
  }

  /** @param {Connector} connector */
  async #remove(connector) {
    const used = connector.referenced_by_count;
    if (!confirm(`Delete the connector ${connector.name}?${used > 0 ? ` ${counted(used, 'action')} of rules will have nobody to tell.` : ''}`)) return;
    const problem = await this.#sent(deleteConnector(connector.id));
    if (problem) this.view.problem = problem;
    this.view.connectors.retry();
  }

  /** @param {ApiRequest} request @param {(answer: any) => void} [take] @returns {Promise<string>} what is wrong, if anything */
  async #sent(request, take = () => {}) {
    this.isBusy = true;
    this.view.app.changed();
    try {
      take(await send(request));
      return '';
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return error.reason || error.type;
    } finally {
      this.isBusy = false;
      this.view.app.changed();
    }
  }

  render() {
    const { connectors } = this.view;
    return html`<section class="panel connectors" aria-labelledby="connectors"><div class="panel-head"><h2 id="connectors">Connectors</h2>
        <div class="tools"><button @click=${this.#create}>Create a connector</button></div></div>
      ${this.tried ? html`<p class=${this.tried.problem ? 'failure' : 'notice'} role="status">${this.tried.name}: ${this.tried.problem || 'the trial has arrived.'}</p>` : nothing}
      ${panelBody(connectors, () => (connectors.data?.length === 0
        ? emptyState('There are no connectors yet', 'Without one, alerts are only kept and shown. A connector carries messages about them to people or to other systems.') : this.#table(connectors.data ?? [])))}
      </section>${this.form ? this.#dialog(this.form) : nothing}`;
  }

  /** @param {Connector[]} connectors */
  #table(connectors) {
    return html`<div class="scroll-x" role="region" aria-label="List of connectors" tabindex="0"><table><thead><tr><th>Connector</th><th>Type</th>
      <th class="number">Used by</th><th><span class="unseen">Actions</span></th></tr></thead><tbody>${connectors.map((connector) => html`<tr>
        <td>${connector.name}</td><td>${kindOf(connector.connector_type_id)?.words ?? connector.connector_type_id}</td><td class="number">${counted(connector.referenced_by_count, 'action')}</td>
        <td class="time"><button class="quiet" ?disabled=${this.isBusy} @click=${() => this.#try(connector)}>Try<span class="unseen"> ${connector.name}</span></button>
          <button class="quiet danger" ?disabled=${this.isBusy} @click=${() => this.#remove(connector)}>Delete<span class="unseen"> ${connector.name}</span></button></td></tr>`)}</tbody></table></div>`;
  }

  /** @param {ConnectorForm} form */
  #dialog(form) {
    const change = (/** @type {string} */ id) => {
      form.kind = kindOf(id) ?? form.kind;
      this.view.app.changed();
    };
    return html`<dialog aria-labelledby="dialog-title" @close=${this.#close}><form class="rule-form" autocomplete="off" @submit=${this.#save}>
      <h2 id="dialog-title">Create a connector</h2>
      <p>${select({ label: 'Type', value: form.kind.id, options: KINDS.map(({ id, words }) => /** @type {[string, string]} */ ([id, words])), choose: change })}</p>
      <label>Name <input name="name" required maxlength="1000" .value=${form.name} @input=${(/** @type {Event} */ event) => { form.name = fieldOf(event).value; }}></label>
      ${form.kind.fields.map((field) => input(form, field))}
      ${form.kind.fields.some(({ part }) => part === 'secrets') ? html`<p class="dim">Secrets are kept encrypted under <code>alerting.secrets_key</code>, or as references such as <code>\${env:ALERT_SECRET_TOKEN}</code>, and never shown again.</p>` : nothing}
      ${this.problem ? html`<p class="failure" role="alert">${this.problem}</p>` : nothing}
      <p class="dialog-buttons"><button type="button" @click=${(/** @type {Event} */ event) => /** @type {Element} */ (event.target).closest('dialog')?.close()}>Cancel</button>
        <button class="main" ?disabled=${this.isBusy}>Create</button></p></form></dialog>`;
  }
}

/** @param {ConnectorForm} form @param {ConnectorField} field */
function input(form, { name, words, kind, required = false, hint = '' }) {
  const value = form.values[name];
  if (kind === 'flag') {
    return html`<label class="option"><input type="checkbox" name=${name} .checked=${value === true} @change=${(/** @type {Event} */ event) => { form.values[name] = fieldOf(event).checked; }}> ${words}</label>`;
  }
  const set = (/** @type {Event} */ event) => { form.values[name] = fieldOf(event).value; };
  if (kind === 'lines') return html`<label>${words} <textarea name=${name} rows="3" spellcheck="false" ?required=${required} placeholder=${hint} .value=${value ?? ''} @input=${set}></textarea></label>`;
  return html`<label>${words} <input name=${name} type=${kind} spellcheck="false" autocomplete=${kind === 'password' ? 'new-password' : 'off'} ?required=${required} placeholder=${hint} .value=${value ?? ''} @input=${set}></label>`;
}

/** @param {Event} event @returns {HTMLInputElement} */
function fieldOf(event) {
  return /** @type {HTMLInputElement} */ (event.target);
}
