// Numbers and changes as people read them. Times are clock.js's matter.

/** @param {number} value @returns {string} at most three decimals below a thousand, short above a million */
export function numberText(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  if (size >= 1e6) return `${trimmed(value / 1e6, 2)} M`;
  if (size >= 1e3) return Math.round(value).toLocaleString('en-GB');
  return trimmed(value, size >= 100 ? 1 : size >= 1 ? 2 : 3);
}

/** @param {number} value @param {number} digits */
function trimmed(value, digits) {
  return String(Number(value.toFixed(digits)));
}

/** @param {number[] | undefined} values of a record; several for places @returns {string} */
export function valuesText(values) {
  return values && values.length > 0 ? values.map(numberText).join(', ') : '–';
}

/**
 * A score as a whole number, never rounded up into the next severity.
 * @param {number} score
 * @returns {string}
 */
export function scoreText(score) {
  return score > 0 && score < 1 ? '<1' : String(Math.floor(score));
}

/** @param {number} bytes @returns {string} */
export function bytesText(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit + 1 < units.length) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** @param {number} probability @returns {string} three digits */
export function probabilityText(probability) {
  return probability >= 1e-3 ? String(Number(probability.toPrecision(3))) : probability.toExponential(2);
}

/**
 * How the actual value differs from the typical one.
 * @param {number[] | undefined} actual
 * @param {number[] | undefined} typical
 * @returns {string} empty where there is nothing to compare
 */
export function changeText(actual, typical) {
  if (!actual?.length || !typical?.length) return '';
  if (actual.length > 1 || typical.length > 1) return 'unusual values';
  const [seen, expected] = [actual[0], typical[0]];
  if (seen === expected) return 'as expected';
  if (expected === 0) return 'unexpected non-zero value';
  if (seen === 0) return 'unexpected zero value';
  const isHigher = seen > expected;
  const factor = Math.abs(isHigher ? seen / expected : expected / seen);
  const word = isHigher ? 'higher' : 'lower';
  if (seen > 0 !== expected > 0 || factor < 1.05) return `unusually ${isHigher ? 'high' : 'low'}`;
  if (factor > 100) return `more than 100x ${word}`;
  return factor > 1.5 ? `${Math.round(factor)}x ${word}` : `${Number(factor.toPrecision(2))}x ${word}`;
}

/** @param {number} count @param {string} noun @param {string} [plural] @returns {string} `1 job`, `2 jobs` */
export function counted(count, noun, plural = `${noun}s`) {
  return `${count.toLocaleString('en-GB')} ${count === 1 ? noun : plural}`;
}
