// Zooming by the wheel while Ctrl is held; without it the wheel scrolls the page, as everywhere.

import { scaledRange } from '../time.js';

/** @import {Range} from '../types.d.ts' */

const STEP = 1.25;
// Turns within this time are one change: each change asks the cluster.
const REST_MS = 120;

/** Collects turns of the wheel and tells the range that they lead to once the wheel rests. */
export class WheelZoom {
  #timer = 0;
  #factor = 1;
  /** @type {(range: Range) => void} */
  #tell;

  /** @param {(range: Range) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /**
   * @param {WheelEvent} event
   * @param {Range} range what is shown
   * @param {number} at the time under the pointer, which stays there
   */
  turned(event, range, at) {
    if (!event.ctrlKey || event.deltaY === 0) return;
    event.preventDefault();
    this.#factor *= event.deltaY < 0 ? 1 / STEP : STEP;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      const to = scaledRange(range, at, this.#factor);
      this.#factor = 1;
      this.#tell(to);
    }, REST_MS);
  }
}
