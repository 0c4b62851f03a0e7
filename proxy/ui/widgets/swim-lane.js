// <swim-lane>: lanes of equal cells on a canvas, chosen by pointer or keys, with the semantics of a grid.
// Of the grid only the row and cell in focus exist as elements, so that any number of cells costs nothing.
// Its geometry is lanes.js's matter, its painting lane-painting.js's; what a selection means, the view's.

import { html, render } from '../vendor/lit-html.js';
import { timeTicks } from '../clock.js';
import { blockOf, cellRange, cellTexts, clamped, isWithin, keyTarget, selectedBlocks } from '../lanes.js';
import { onCursor, publishCursor, showTooltip } from './cursor.js';
import { paintBlock, paintLanes } from './lane-painting.js';
import { theme } from './theme.js';
import { WheelZoom } from './wheel.js';

/** @import {LaneModel, Range, Zone} from '../types.d.ts' */
/** @import {Block, Place} from '../lanes.js' */
/** @typedef {{range: Range, lanes: string[]}} Selected */

const ROW = 24;
/** A press that moved less is a click. */
const DRAG_PX = 4;
let count = 0;

export class SwimLane extends HTMLElement {
  /** @type {LaneModel | null} */ #model = null;
  /** @type {{t: Range | null, lanes: string[] | null}} */ #selection = { t: null, lanes: null };
  /** @type {Zone} */ #zone = 'utc';
  /** @type {'colour' | 'bars'} */ #mode = 'colour';
  #min = 0;
  #axis = false;
  #kind = 'score';
  /** @type {(lane: number) => unknown} */ #nameOf = (lane) => this.#model?.names[lane] ?? '';
  /** @type {{time: number, end: number}[]} */ #marks = [];
  /** @type {{x: number, y: number, moved: boolean} | null} */ #pressed = null;
  /** @type {Block | null} */ #dragged = null;
  /** @type {Place | null} */ #anchor = null;
  /** @type {Place} */ #focus = { lane: 0, cell: 0 };
  /** @type {number | null} */ #cursor = null;
  #width = 0;
  #id = `lane-${(count += 1)}`;
  #painted = false;
  /** @type {(() => void)[]} */ #ends = [];

  /** @param {LaneModel | null} model */
  set model(model) { if (this.#model !== model) { this.#model = model; this.#update(); } }
  get model() { return this.#model; }
  /** @param {{t: Range | null, lanes: string[] | null}} selection `lanes`: null means all */
  set selection(selection) { this.#selection = selection; this.#overlay(); }
  /** @param {Zone} zone */
  set zone(zone) { if (this.#zone !== zone) { this.#zone = zone; this.#update(); } }
  /** @param {'colour' | 'bars'} mode */
  set mode(mode) { if (this.#mode !== mode) { this.#mode = mode; this.#update(); } }
  /** @param {number} min */
  set min(min) { if (this.#min !== min) { this.#min = min; this.#update(); } }
  /** @param {boolean} axis whether the times are written below */
  set axis(axis) { this.#axis = axis; }
  /** @param {string} kind which score it is, for people: bucket score, influencer score */
  set kind(kind) { this.#kind = kind; }
  /** @param {(lane: number) => unknown} nameOf what stands before a lane, as a template */
  set nameOf(nameOf) { this.#nameOf = nameOf; if (this.isConnected) this.#renderFrame(); }
  /** @param {{time: number, end: number}[]} marks times of annotations */
  set marks(marks) { this.#marks = marks; this.#overlay(); }

  connectedCallback() {
    this.#renderFrame();
    const observer = new ResizeObserver(() => this.#update());
    observer.observe(this);
    const endCursor = onCursor((time, from) => {
      if (from === this) return;
      this.#cursor = time;
      this.#overlay();
    });
    this.#ends = [endCursor, theme.onChange(() => this.#update()), () => observer.disconnect(), () => showTooltip(null)];
  }

  disconnectedCallback() {
    for (const end of this.#ends) end();
  }

  get #cellWidth() { return this.#model ? this.#width / Math.max(1, this.#model.cells) : 0; }
  get #blocks() { return this.#model ? selectedBlocks(this.#model, this.#selection) : []; }
  get #height() { return (this.#model?.names.length ?? 0) * ROW; }

  #renderFrame() {
    const model = this.#model;
    const lanes = model?.names.length ?? 0;
    render(html`
      <div class="lane-box">
        <div class="lane-names">${Array.from({ length: lanes }, (_, lane) => html`<div class="lane-name">${this.#nameOf(lane)}</div>`)}</div>
        <div class="lane-plot" role="grid" tabindex="0" aria-label=${this.getAttribute('label') ?? 'Swim lanes'}
          aria-rowcount=${lanes} aria-colcount=${model?.cells ?? 0} aria-multiselectable="true"
          aria-activedescendant=${`${this.#id}-cell`} .style=${`height:${this.#height}px`}
          @pointerdown=${this.#down} @pointermove=${this.#move} @pointerup=${this.#up} @pointerleave=${this.#leave}
          @pointercancel=${this.#leave} @dblclick=${this.#zoom} @wheel=${this.#wheel} @keydown=${this.#key} @focus=${() => this.#overlay()}
          @blur=${() => this.#overlay()}>
          <canvas class="lane-cells" aria-hidden="true"></canvas>
          <canvas class="lane-over" aria-hidden="true"></canvas>
          <div role="row" aria-rowindex=${this.#focus.lane + 1} class="unseen">
            <div role="gridcell" id=${`${this.#id}-cell`} aria-colindex=${this.#focus.cell + 1}
              aria-selected=${isWithin(this.#blocks, this.#focus) ? 'true' : 'false'}>${lanes > 0 && model
                ? cellTexts(model, this.#focus, this.#zone, this.#kind).join(', ') : 'nothing to show'}</div>
          </div>
        </div>
      </div>
      ${this.#axis && model ? this.#axisTemplate(model) : ''}`, this, { host: this });
  }

  /** @param {LaneModel} model */
  #axisTemplate(model) {
    const range = cellRange(model, 0, model.cells - 1);
    const share = (/** @type {number} */ time) => ((time - range.start) / (range.end - range.start)) * 100;
    return html`<div class="lane-axis" aria-hidden="true">${timeTicks(range, this.#width, this.#zone).map(({ time, text }) =>
      html`<span .style=${`left:${share(time)}%`}>${text}</span>`)}</div>`;
  }

  #update() {
    if (!this.isConnected) return;
    if (this.#model) this.#focus = clamped(this.#focus, this.#model);
    this.#renderFrame();
    this.#width = this.querySelector('.lane-plot')?.clientWidth ?? 0;
    if (this.#axis) this.#renderFrame();
    this.#paint();
  }

  #paint() {
    const model = this.#model;
    if (!model || this.#width === 0) return;
    const context = this.#context('.lane-cells');
    if (context) paintLanes(context, model, { ...theme.lanes(), mode: this.#mode, min: this.#min }, this.#width, ROW, devicePixelRatio);
    this.#painted = true;
    this.#overlay();
  }

  /** @param {string} name @returns {CanvasRenderingContext2D | null} of a canvas that fits, in CSS pixels */
  #context(name) {
    const canvas = /** @type {HTMLCanvasElement | null} */ (this.querySelector(name));
    if (!canvas) return null;
    const [width, height] = [Math.round(this.#width * devicePixelRatio), Math.round(this.#height * devicePixelRatio)];
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      canvas.style.width = `${this.#width}px`;
      canvas.style.height = `${this.#height}px`;
    }
    const context = canvas.getContext('2d');
    context?.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    return context;
  }

  /** Everything that changes without the cells: annotations, selection, focus, the time under the pointer. */
  #overlay() {
    const model = this.#model;
    const context = model && this.#painted ? this.#context('.lane-over') : null;
    if (!model || !context) return;
    const colours = theme.lanes();
    const how = { cell: this.#cellWidth, row: ROW, width: this.#width, height: this.#height };
    context.clearRect(0, 0, how.width, how.height);
    for (const block of this.#blocks) paintBlock(context, block, { ...how, colour: colours.ink, veil: this.#blocks.length === 1 ? colours.veil : undefined });
    context.fillStyle = colours.mark;
    for (const mark of this.#marks) {
      const left = this.#x(mark.time);
      context.fillRect(left, 0, Math.max(2, this.#x(mark.end) - left), 3);
    }
    if (this.#dragged) paintBlock(context, this.#dragged, { ...how, colour: colours.accent });
    if (document.activeElement === this.querySelector('.lane-plot')) paintBlock(context, blockOf(this.#focus, this.#focus), { ...how, colour: colours.accent });
    if (this.#cursor === null) return;
    context.fillStyle = colours.crosshair;
    context.fillRect(Math.round(this.#x(this.#cursor)), 0, 1, how.height);
  }

  /** @param {number} time @returns {number} pixels */
  #x(time) {
    const model = /** @type {LaneModel} */ (this.#model);
    return ((time - model.start) / model.interval) * this.#cellWidth;
  }

  /** @param {PointerEvent | MouseEvent} event @returns {Place | null} */
  #at(event) {
    const model = this.#model;
    if (!model || model.names.length === 0 || this.#width === 0) return null;
    const box = /** @type {Element} */ (this.querySelector('.lane-plot')).getBoundingClientRect();
    return clamped({ lane: (event.clientY - box.top) / ROW, cell: (event.clientX - box.left) / this.#cellWidth }, model);
  }

  /** @param {PointerEvent} event */
  #down = (event) => {
    const at = this.#at(event);
    if (!at || event.button !== 0) return;
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    this.#anchor = event.shiftKey ? this.#focus : at;
    this.#pressed = { x: event.clientX, y: event.clientY, moved: event.shiftKey };
    this.#dragged = blockOf(this.#anchor, at);
    this.#overlay();
  };

  /** @param {PointerEvent} event */
  #move = (event) => {
    const [at, model] = [this.#at(event), this.#model];
    if (!at || !model) return;
    if (this.#pressed && this.#anchor) {
      this.#pressed.moved ||= Math.hypot(event.clientX - this.#pressed.x, event.clientY - this.#pressed.y) > DRAG_PX;
      this.#dragged = blockOf(this.#anchor, this.#pressed.moved ? at : this.#anchor);
    }
    const range = cellRange(model, at.cell, at.cell);
    this.#cursor = (range.start + range.end) / 2;
    publishCursor(this.#cursor, this);
    this.#overlay();
    showTooltip(cellTexts(model, at, this.#zone, this.#kind), event);
  };

  /** @param {PointerEvent} event */
  #up = (event) => {
    const [block, at, blocks] = [this.#dragged, this.#at(event), this.#blocks];
    const isOneCell = blocks.length === 1 && blocks[0].first === blocks[0].last && blocks[0].top === blocks[0].bottom;
    const isRepeat = at !== null && !this.#pressed?.moved && isOneCell && isWithin(blocks, at);
    [this.#pressed, this.#dragged] = [null, null];
    if (!block || !at) return;
    this.#focus = at;
    this.#choose(isRepeat ? null : block);
  };

  #leave = () => {
    [this.#pressed, this.#dragged, this.#cursor] = [null, null, null];
    publishCursor(null, this);
    showTooltip(null);
    this.#overlay();
  };

  /** @param {MouseEvent} event */
  #zoom = (event) => {
    const at = this.#at(event);
    if (at && this.#model) this.dispatchEvent(new CustomEvent('lane-zoom', { detail: cellRange(this.#model, at.cell, at.cell) }));
  };

  #wheelZoom = new WheelZoom((range) => this.dispatchEvent(new CustomEvent('lane-zoom', { detail: range })));

  /** @param {WheelEvent} event */
  #wheel = (event) => {
    const model = this.#model;
    if (!model || this.#width === 0) return;
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    const range = cellRange(model, 0, model.cells - 1);
    this.#wheelZoom.turned(event, range, range.start + ((event.clientX - box.left) / this.#cellWidth) * model.interval);
  };

  /** @param {Block | null} block null clears */
  #choose(block) {
    const model = this.#model;
    /** @type {Selected | null} */
    const detail = block && model && { range: cellRange(model, block.first, block.last), lanes: model.names.slice(block.top, block.bottom + 1) };
    this.dispatchEvent(new CustomEvent('lane-select', { detail }));
    this.#renderFrame();
    this.#overlay();
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    const model = this.#model;
    if (!model || model.names.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' || event.key === ' ') this.#choose(blockOf((event.shiftKey && this.#anchor) || this.#focus, this.#focus));
    else if (event.key === 'Escape') this.#choose(null);
    else if (!this.#step(event, model)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#renderFrame();
    this.#overlay();
    this.querySelectorAll('.lane-name')[this.#focus.lane]?.scrollIntoView({ block: 'nearest' });
  };

  /** @param {KeyboardEvent} event @param {LaneModel} model @returns {boolean} whether the key leads anywhere */
  #step(event, model) {
    const to = keyTarget(event.key, model, this.#focus, this.#min);
    if (!to) return false;
    this.#anchor = event.shiftKey ? this.#anchor ?? this.#focus : null;
    this.#focus = to;
    if (this.#anchor) this.#choose(blockOf(this.#anchor, to));
    return true;
  }
}

customElements.define('swim-lane', SwimLane);
