// What a table shows as CSV, safe to open in a spreadsheet.

/** A text that a spreadsheet would take for a formula; plain numbers are none. */
const FORMULA = /^[=+@\t\r]|^-(?!\d+(\.\d+)?(e[-+]?\d+)?$)/i;

/** @param {unknown} value @returns {string} */
function cell(value) {
  const text = value === null || value === undefined ? '' : String(value);
  const harmless = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/**
 * @param {string[]} header
 * @param {unknown[][]} rows
 * @returns {string} lines ended by CRLF, as RFC 4180 wants
 */
export function toCsv(header, rows) {
  return [header, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
