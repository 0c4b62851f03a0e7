// <cell-popover>: what stands over the first selected cell of some lanes, below it and within the panel of the lanes.
// Its content is the view's; it only finds its place, again whenever the selection or the width changes.

import { selectedBlocks } from '../lanes.js';

/** @import {LaneModel, Range} from '../types.d.ts' */
/** @typedef {{t: Range | null, lanes: string[], which: number}} CellPlace `which` of the panel's lanes; no `lanes` means all */

const ROW = 24;
const APART = 6;

export class CellPopover extends HTMLElement {
  /** @type {CellPlace | null} */ #place = null;
  #end = () => {};

  /** @param {CellPlace} place */
  set place(place) {
    this.#place = place;
    requestAnimationFrame(() => this.#move());
  }

  connectedCallback() {
    const observer = new ResizeObserver(() => this.#move());
    observer.observe(/** @type {Element} */ (this.parentElement));
    this.addEventListener('keydown', this.#key);
    this.#end = () => observer.disconnect();
  }

  disconnectedCallback() {
    this.#end();
    this.removeEventListener('keydown', this.#key);
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.dispatchEvent(new CustomEvent('dismiss'));
  };

  #move() {
    const panel = this.parentElement;
    if (!panel || !this.#place) return;
    const { t, lanes, which } = this.#place;
    const lane = /** @type {(HTMLElement & {model: LaneModel | null}) | undefined} */ (panel.querySelectorAll('swim-lane')[which]);
    const plot = lane?.querySelector('.lane-plot');
    const first = lane?.model && selectedBlocks(lane.model, { t, lanes: lanes.length > 0 ? lanes : null })[0];
    if (!plot || !lane?.model || !first) return;
    const [frame, box] = [panel.getBoundingClientRect(), plot.getBoundingClientRect()];
    const left = box.left - frame.left + (first.first / lane.model.cells) * box.width;
    this.style.left = `${Math.max(4, Math.min(left, frame.width - this.offsetWidth - 4))}px`;
    this.style.top = `${box.top - frame.top + (first.top + 1) * ROW + APART}px`;
  }
}

customElements.define('cell-popover', CellPopover);
