// A panel's data: at most one request (or set of them) at a time, earlier ones given up and late answers ignored.
// Until the next answer comes the old data stays, marked as stale.

import { ApiError, send } from './api.js';

/** @import {ApiRequest} from './types.d.ts' */

/**
 * @template T
 */
export class Panel {
  /**
   * @param {() => void} changed called whenever there is something new to show
   */
  constructor(changed) {
    this.changed = changed;
    /** @type {'idle' | 'loading' | 'ready' | 'failed'} */
    this.status = 'idle';
    /** @type {T | null} what was answered last, for `shownKey` */
    this.data = null;
    /** @type {ApiError | null} */
    this.error = null;
    /** @type {ApiRequest[]} */
    this.requests = [];
    this.answeredAt = 0;
    this.key = '';
    /** @type {AbortController | null} */
    this.running = null;
  }

  /** Whether `data` is of what was asked last. */
  get isCurrent() {
    return this.status === 'ready';
  }

  /**
   * Asks, unless the same is being asked or was answered already.
   * @param {ApiRequest[]} requests none empties the panel
   * @param {(answers: any[]) => T} read
   * @param {string | number} [round] another one asks the same again
   */
  load(requests, read, round = '') {
    const key = requests.length === 0 ? '' : JSON.stringify([requests, round]);
    if (key === this.key) return;
    this.key = key;
    this.requests = requests;
    this.running?.abort();
    if (requests.length === 0) {
      Object.assign(this, { status: 'idle', data: null, error: null, running: null });
      return;
    }
    this.status = 'loading';
    this.running = new AbortController();
    this.ask(requests, read, this.running.signal);
  }

  /** Asks the same once more. */
  retry() {
    this.key = '';
    this.changed();
  }

  /** Gives up what is under way. */
  stop() {
    this.running?.abort();
    this.key = '';
    this.status = 'idle';
  }

  /** @param {ApiRequest[]} requests @param {(answers: any[]) => T} read @param {AbortSignal} signal */
  async ask(requests, read, signal) {
    try {
      const answers = await Promise.all(requests.map((request) => send(request, signal)));
      if (signal.aborted) return;
      Object.assign(this, { data: read(answers), error: null, status: 'ready', answeredAt: Date.now() });
    } catch (error) {
      if (signal.aborted) return;
      this.status = 'failed';
      this.error = error instanceof ApiError ? error
        : new ApiError(requests[0], 0, 'unexpected answer', error instanceof Error ? error.message : String(error));
    }
    this.changed();
  }
}
