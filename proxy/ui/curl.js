// A request as a command for a shell, quoted so that any value stays data.

/** @import {ApiRequest} from './types.d.ts' */

/** @param {string} text @returns {string} */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * @param {ApiRequest} request
 * @param {string} base where the API's root is, without a slash at the end
 * @returns {string}
 */
export function toCurl(request, base) {
  const parts = [`curl -X ${request.method} ${quoted(base + request.path)}`];
  if (request.lines) {
    parts.push(`-H 'Content-Type: application/x-ndjson'`);
    parts.push(`--data-binary ${quoted(request.lines.map((line) => `${JSON.stringify(line)}\n`).join(''))}`);
  } else if (request.body !== undefined) {
    parts.push(`-H 'Content-Type: application/json'`);
    parts.push(`-d ${quoted(JSON.stringify(request.body, null, 2))}`);
  }
  return parts.join(' \\\n  ');
}
