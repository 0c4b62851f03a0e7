// <alert-line>: how many alerts each cell has, as a line over the same cells as the lanes above, with their cursor.
// A click selects a cell as one on the overall lane does; by keys that lane does it, so this is a picture to them.

import { html, render } from '../vendor/lit-html.js';
import { rangeText } from '../clock.js';
import { counted } from '../format.js';
import { cellRange, clamped, selectedBlocks } from '../lanes.js';
import { onCursor, publishCursor, showTooltip } from './cursor.js';

/** @import {LaneModel, Range, Zone} from '../types.d.ts' */

const HEIGHT = 72;
/** Room above the highest count and below none. */
const EDGE = 5;

export class AlertLine extends HTMLElement {
  /** @type {LaneModel | null} */ #model = null;
  /** @type {Range | null} */ #selection = null;
  /** @type {Zone} */ #zone = 'utc';
  #end = () => {};

  /** @param {LaneModel | null} model one lane, whose scores are counts */
  set model(model) { if (this.#model !== model) { this.#model = model; this.#render(); } }
  get model() { return this.#model; }
  /** @param {Range | null} selection */
  set selection(selection) { this.#selection = selection; this.#render(); }
  /** @param {Zone} zone */
  set zone(zone) { this.#zone = zone; }

  connectedCallback() {
    this.#end = onCursor((time, from) => { if (from !== this) this.#showCursor(time); });
    this.#render();
  }

  disconnectedCallback() {
    this.#end();
  }

  #render() {
    const model = this.#model;
    if (!this.isConnected || !model) return;
    const most = model.scores.reduce((a, b) => Math.max(a, b), 0);
    const share = (/** @type {number} */ cell) => `${(cell / model.cells) * 100}%`;
    const blocks = selectedBlocks(model, { t: this.#selection, lanes: null });
    render(html`<div class="lane-box">
      <div class="alert-scale" aria-hidden="true"><span>${most}</span><span>0</span></div>
      <div class="alert-plot" role="img" aria-label=${this.#summary(model)} @pointermove=${this.#move} @pointerleave=${this.#leave} @click=${this.#click}>
        <svg viewBox=${`0 0 ${model.cells} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true"><path d=${linePath(model, most)} /></svg>
        ${blocks.map(({ first, last }) => html`<span class="alert-selected" .style=${`left:${share(first)};width:${share(last + 1 - first)}`}></span>`)}
        <span class="alert-cursor" hidden></span></div></div>`, this, { host: this });
  }

  /** @param {LaneModel} model @returns {string} */
  #summary(model) {
    const cells = [...model.scores.keys()].filter((cell) => model.scores[cell] > 0);
    if (cells.length === 0) return 'No alerts in any cell';
    const most = cells.reduce((best, cell) => (model.scores[cell] > model.scores[best] ? cell : best), cells[0]);
    return `Alerts in ${counted(cells.length, 'cell')} of ${model.cells}, most in ${rangeText(cellRange(model, most, most), this.#zone)}: ${model.scores[most]}`;
  }

  /** @param {MouseEvent} event @returns {number | null} the cell under the pointer */
  #at(event) {
    if (!this.#model) return null;
    const { left, width } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    return clamped({ lane: 0, cell: ((event.clientX - left) / width) * this.#model.cells }, this.#model).cell;
  }

  /** @param {PointerEvent} event */
  #move = (event) => {
    const [cell, model] = [this.#at(event), this.#model];
    if (cell === null || !model) return;
    const range = cellRange(model, cell, cell);
    const middle = (range.start + range.end) / 2;
    publishCursor(middle, this);
    this.#showCursor(middle);
    showTooltip([rangeText(range, this.#zone), counted(model.scores[cell], 'alert')], event);
  };

  #leave = () => {
    publishCursor(null, this);
    this.#showCursor(null);
    showTooltip(null);
  };

  /** @param {MouseEvent} event */
  #click = (event) => {
    const [cell, model] = [this.#at(event), this.#model];
    if (cell !== null && model) this.dispatchEvent(new CustomEvent('lane-select', { detail: { range: cellRange(model, cell, cell), lanes: [] } }));
  };

  /** @param {number | null} time */
  #showCursor(time) {
    const [mark, model] = [/** @type {HTMLElement | null} */ (this.querySelector('.alert-cursor')), this.#model];
    if (!mark || !model) return;
    const share = time === null ? -1 : (time - model.start) / (model.interval * model.cells);
    mark.hidden = share < 0 || share > 1;
    mark.style.left = `${share * 100}%`;
  }
}

/** A level a cell, so that a count stands over the whole of its cell. @param {LaneModel} model @param {number} most @returns {string} */
function linePath(model, most) {
  if (most === 0) return `M0 ${HEIGHT - EDGE}H${model.cells}`;
  const height = (/** @type {number} */ count) => HEIGHT - EDGE - (count / most) * (HEIGHT - 2 * EDGE);
  let path = `M0 ${height(model.scores[0])}`;
  for (let cell = 0; cell < model.cells; cell += 1) path += `V${height(model.scores[cell])}H${cell + 1}`;
  return path;
}

customElements.define('alert-line', AlertLine);
