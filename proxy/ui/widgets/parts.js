// Small templates that all views use: states of a panel, badges, menus, entities with their filter buttons.

import { html, nothing } from '../vendor/lit-html.js';
import { toCurl } from '../curl.js';
import { apiRoot } from '../api.js';
import { scoreText } from '../format.js';
import { SEVERITIES, severityIndex, severityWord } from '../severity.js';

/** @import {Panel} from '../panel.js' */
/** @import {ApiRequest, Filter} from '../types.d.ts' */

/**
 * A panel in whichever state it is: its content, dimmed while something newer loads, or why there is none.
 * @param {Panel<any>} panel
 * @param {() => unknown} content shown when there is data
 */
export function panelBody(panel, content) {
  if (panel.status === 'failed') return failure(panel);
  if (panel.data === null) return panel.status === 'loading' ? html`<div class="loading" role="status">Loading…</div>` : nothing;
  return html`<div class=${panel.status === 'loading' ? 'stale' : ''} aria-busy=${panel.status === 'loading' ? 'true' : 'false'}>${content()}</div>`;
}

/** @param {Panel<any>} panel */
function failure(panel) {
  const error = panel.error;
  if (!error) return nothing;
  return html`<div class="failure" role="alert">
    <p><strong>${error.type}</strong> ${error.reason}</p>
    ${neededPrivilege(error.status)}
    <p><button @click=${() => panel.retry()}>Try again</button> ${copyButton('Copy the request', () => toCurl(error.request, apiRoot()))}</p>
  </div>`;
}

/** @param {number} status */
function neededPrivilege(status) {
  if (status === 401) return html`<p>The cluster wants to know who you are: sign in and reload the page.</p>`;
  if (status === 403) return html`<p>Reading jobs needs the privilege <code>monitor_ml</code> and reading results
    <code>read</code> on <code>.ml-anomalies-*</code>; changing jobs needs <code>manage_ml</code>.</p>`;
  return nothing;
}

/** @param {string} title @param {unknown} body @param {unknown} [next] what one can do about it */
export function emptyState(title, body, next = nothing) {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${body}</p>${next === nothing ? nothing : html`<p>${next}</p>`}</div>`;
}

/** @param {number} score */
export function scoreBadge(score) {
  return html`<span class="score" title=${severityWord(score)}><span class=${`swatch s${severityIndex(score)}`} aria-hidden="true"></span>${scoreText(score)}<span
    class="unseen"> ${severityWord(score)}</span></span>`;
}

/** Dot or cross in the colour of the severity. @param {number} score @param {boolean} cross */
export function marker(score, cross) {
  const label = `${severityWord(score)}${cross ? ', multi-bucket' : ''}`;
  return html`<span class=${`marker s${severityIndex(score)}`} role="img" aria-label=${label} title=${label}>${cross ? '✚' : '●'}</span>`;
}

/** @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  return html`<button class="quiet" @click=${async (/** @type {MouseEvent} */ event) => {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    await copyText(text());
    button.dataset.done = 'copied';
    setTimeout(() => delete button.dataset.done, 1500);
  }}>${label}</button>`;
}

/** @param {string} text */
async function copyText(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Without https the clipboard is only reached by way of a selection.
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** @param {ApiRequest} request */
export function curlButton(request) {
  return copyButton('Copy as curl', () => toCurl(request, apiRoot()));
}

/** @param {string} name @param {string} text @param {string} type */
export function saveFile(name, text, type) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * A value with buttons that filter for it or stop doing so.
 * @param {Filter} filter @param {boolean} isOn @param {(filter: Filter, on: boolean) => void} toggle
 */
export function entity(filter, isOn, toggle) {
  const name = `${filter.field} = ${filter.value || '(empty)'}`;
  return html`<span class="entity"><span class="entity-text" title=${name}>${filter.value || '(empty)'}</span><button class="icon"
    aria-label=${isOn ? `Stop filtering ${name}` : `Filter for ${name}`} title=${isOn ? 'Stop filtering for this' : 'Filter for this'}
    @click=${(/** @type {Event} */ event) => { event.stopPropagation(); toggle(filter, !isOn); }}>${isOn ? '−' : '+'}</button></span>`;
}

/**
 * @template {string} V
 * @param {{label: string, value: V, options: [V, string][], choose: (value: V) => void, hideLabel?: boolean, title?: string}} field
 */
export function select({ label, value, options, choose, hideLabel = false, title = '' }) {
  return html`<label class="field" title=${title || nothing}><span class=${hideLabel ? 'unseen' : ''}>${label}</span><select
    @change=${(/** @type {Event} */ event) => choose(/** @type {V} */ (/** @type {HTMLSelectElement} */ (event.target).value))}>
    ${options.map(([option, text]) => html`<option value=${option} ?selected=${option === value} .selected=${option === value}>${text}</option>`)}
  </select></label>`;
}

/** @param {number} value @param {(min: number) => void} choose */
export function severitySelect(value, choose) {
  const options = SEVERITIES.map(({ from, word }) => /** @type {[string, string]} */ ([String(from), from === 0 ? 'all' : `${word} (${from}+)`]));
  if (!SEVERITIES.some(({ from }) => from === value)) options.push([String(value), `${value}+`]);
  return select({ label: 'Score from', value: String(value), options, choose: (text) => choose(Number(text)) });
}

/**
 * A button that opens a panel below itself; closes by Escape, by a click elsewhere and when the focus leaves.
 * @param {unknown} summary @param {unknown} content @param {string} [className]
 */
export function menu(summary, content, className = '') {
  return html`<details class=${`menu ${className}`} @toggle=${place} @keydown=${closeOnEscape} @focusout=${closeWhenLeft}>
    <summary>${summary}</summary><div class="menu-body">${content}</div></details>`;
}

/** In a table that scrolls a menu would be cut off at its edge: it is put over the page. @param {Event} event */
function place(event) {
  const details = /** @type {HTMLDetailsElement} */ (event.currentTarget);
  const body = /** @type {HTMLElement | null} */ (details.querySelector('.menu-body'));
  if (!details.open || !body || !details.closest('.scroll-x')) return;
  const { right, bottom, top } = details.getBoundingClientRect();
  const isLow = bottom + body.offsetHeight + 8 > innerHeight && top > body.offsetHeight;
  Object.assign(body.style, { position: 'fixed', right: `${Math.max(4, document.documentElement.clientWidth - right)}px`, left: 'auto',
    top: `${isLow ? top - body.offsetHeight - 4 : bottom + 4}px` });
}

/** @param {KeyboardEvent} event */
function closeOnEscape(event) {
  const details = /** @type {HTMLDetailsElement} */ (event.currentTarget);
  if (event.key !== 'Escape' || !details.open) return;
  details.open = false;
  details.querySelector('summary')?.focus();
  event.stopPropagation();
}

/** @param {FocusEvent} event */
function closeWhenLeft(event) {
  const details = /** @type {HTMLDetailsElement} */ (event.currentTarget);
  const to = /** @type {Node | null} */ (event.relatedTarget);
  if (to && !details.contains(to)) details.open = false;
}

document.addEventListener('pointerdown', (event) => {
  for (const open of document.querySelectorAll('details.menu[open]')) {
    if (!open.contains(/** @type {Node} */ (event.target))) /** @type {HTMLDetailsElement} */ (open).open = false;
  }
});

document.addEventListener('scroll', (event) => {
  if (event.target instanceof Element && event.target.closest('.menu-body')) return;
  for (const open of document.querySelectorAll('.scroll-x details.menu[open]')) /** @type {HTMLDetailsElement} */ (open).open = false;
}, { capture: true, passive: true });

/** Over the whole page, once the dialog that has just been asked for is drawn. */
export function openDialog() {
  setTimeout(() => {
    const dialog = document.querySelector('dialog');
    if (dialog && !dialog.open) dialog.showModal();
  });
}

/** @param {Element | null} inside an open menu @returns {void} */
export function closeMenu(inside) {
  const details = inside?.closest('details');
  if (details) details.open = false;
}
