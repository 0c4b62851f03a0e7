// The one place that speaks to the API: sends a request, reads the answer, and says of a failure what it was.

/** @import {ApiRequest} from './types.d.ts' */

const TIMEOUT_MS = 60_000;
/** The page lives one level below the API's root, wherever that is. */
const ROOT = new URL('..', import.meta.url).href.replace(/\/$/, '');

export class ApiError extends Error {
  /**
   * @param {ApiRequest} request
   * @param {number} status 0 where no answer came
   * @param {string} type Elasticsearch's, or a word of ours
   * @param {string} reason
   */
  constructor(request, status, type, reason) {
    super(`${type}: ${reason}`);
    this.request = request;
    this.status = status;
    this.type = type;
    this.reason = reason;
  }
}

/** What the page is told of the configuration. @returns {ApiRequest} */
export function settingsRequest() {
  return { method: 'GET', path: new URL('settings.json', import.meta.url).href.slice(ROOT.length) };
}

/** @returns {string} the address of the API, for commands that people copy */
export function apiRoot() {
  return ROOT;
}

/**
 * @param {ApiRequest} request
 * @param {AbortSignal} [signal] gives the request up
 * @returns {Promise<any>} the answer's JSON; null where there is nothing to answer
 * @throws {ApiError} for refusals and faults; an AbortError where `signal` ended it
 */
export async function send(request, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  /** @type {Response} */
  let response;
  let text;
  try {
    response = await fetch(ROOT + request.path, {
      method: request.method,
      ...bodyOf(request),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new ApiError(request, 0, 'timeout', `no answer within ${TIMEOUT_MS / 1000} s`);
    throw new ApiError(request, 0, 'unreachable', error instanceof Error ? error.message : String(error));
  }
  const answer = parsed(text);
  if (!response.ok) throw refusal(request, response.status, answer, text);
  if (response.status === 204) return null;
  if (answer === undefined) throw new ApiError(request, response.status, 'malformed answer', text.slice(0, 200) || 'it is empty');
  return answer;
}

/**
 * @param {string} path of a file of the page itself
 * @returns {Promise<string>}
 * @throws {ApiError} if it does not come
 */
export async function pageFile(path) {
  /** @type {ApiRequest} */
  const request = { method: 'GET', path };
  const failed = (/** @type {unknown} */ error) => new ApiError(request, 0, 'unreachable', String(error));
  const response = await fetch(new URL(path, import.meta.url), { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((error) => { throw failed(error); });
  if (!response.ok) throw new ApiError(request, response.status, `status ${response.status}`, path);
  return response.text();
}

/** @param {ApiRequest} request @returns {RequestInit} */
function bodyOf(request) {
  if (request.lines) {
    return {
      headers: { 'content-type': 'application/x-ndjson' },
      body: request.lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    };
  }
  if (request.body === undefined) return {};
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(request.body) };
}

/** @param {string} text @returns {any} undefined where it is no JSON */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {ApiRequest} request @param {number} status @param {any} answer @param {string} text */
function refusal(request, status, answer, text) {
  const error = answer?.error;
  if (error && typeof error === 'object') {
    const cause = error.root_cause?.[0] ?? error;
    return new ApiError(request, status, cause.type ?? error.type ?? 'error', cause.reason ?? error.reason ?? '');
  }
  // Rules and connectors have errors of Kibana's form.
  if (typeof answer?.message === 'string') return new ApiError(request, status, String(error), answer.message);
  return new ApiError(request, status, `status ${status}`, typeof error === 'string' ? error : text.slice(0, 200));
}

/**
 * The first failure inside an answer of `_msearch`, whose parts fail on their own.
 * @param {ApiRequest} request @param {any} answer
 * @returns {ApiError | null}
 */
export function partFailure(request, answer) {
  const failed = (answer.responses ?? []).find((/** @type {any} */ part) => part.error);
  return failed ? refusal(request, failed.status, failed, '') : null;
}
