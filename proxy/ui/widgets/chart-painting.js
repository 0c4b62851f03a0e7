// What uPlot does not draw by itself: anomalies as dots and crosses, annotations as shaded spans.

import { severityIndex } from '../severity.js';

/** @import uPlot from '../vendor/uplot.js' */
/** @import {Marker} from '../chart-data.js' */
/** @typedef {{palette: string[], outline: string, note: string, forecast: string, veil: string, line: string}} Colours */

const REACH_PX = 12;

/**
 * @param {uPlot} plot @param {Marker[]} markers @param {Colours} colours
 * @param {string | null} highlight @param {boolean} isSmall
 */
export function drawMarkers(plot, markers, colours, highlight, isSmall) {
  const context = plot.ctx;
  const ratio = devicePixelRatio;
  const size = (isSmall ? 3.5 : 5) * ratio;
  context.save();
  context.beginPath();
  context.rect(plot.bbox.left - size, plot.bbox.top - size, plot.bbox.width + 2 * size, plot.bbox.height + 2 * size);
  context.clip();
  // The worst come last, so that they lie on top.
  for (const marker of [...markers].sort((a, b) => a.score - b.score)) {
    const x = plot.valToPos(marker.time, 'x', true);
    const y = plot.valToPos(marker.value, 'y', true);
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    const radius = marker.key === highlight ? size * 1.6 : size;
    context.fillStyle = colours.palette[severityIndex(marker.score)];
    context.strokeStyle = colours.outline;
    context.lineWidth = (marker.key === highlight ? 2 : 1) * ratio;
    context.beginPath();
    if (marker.cross) crossPath(context, x, y, radius * 1.15);
    else context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} radius */
function crossPath(context, x, y, radius) {
  const arm = radius / 3;
  const corners = [[-arm, -radius], [arm, -radius], [arm, -arm], [radius, -arm], [radius, arm], [arm, arm], [arm, radius],
    [-arm, radius], [-arm, arm], [-radius, arm], [-radius, -arm], [-arm, -arm]];
  corners.forEach(([dx, dy], at) => (at === 0 ? context.moveTo(x + dx, y + dy) : context.lineTo(x + dx, y + dy)));
  context.closePath();
}

/** @param {uPlot} plot @param {{start: number, end: number}[]} notes @param {Colours} colours */
export function drawNotes(plot, notes, colours) {
  const context = plot.ctx;
  const { left, top, width, height } = plot.bbox;
  context.save();
  for (const note of notes) {
    const from = Math.max(left, plot.valToPos(note.start, 'x', true));
    const to = Math.min(left + width, Math.max(plot.valToPos(note.end, 'x', true), from + 2 * devicePixelRatio));
    if (to < left || from > left + width) continue;
    context.fillStyle = colours.note;
    context.fillRect(from, top, to - from, height);
    context.fillStyle = colours.forecast;
    context.fillRect(from, top, to - from, 3 * devicePixelRatio);
  }
  context.restore();
}

/** Veils what lies outside of a range. @param {uPlot} plot @param {{start: number, end: number} | undefined} brush @param {Colours} colours */
export function drawBrush(plot, brush, colours) {
  if (!brush) return;
  const context = plot.ctx;
  const { left, top, width, height } = plot.bbox;
  const within = (/** @type {number} */ time) => Math.max(left, Math.min(left + width, plot.valToPos(time, 'x', true)));
  const [from, to] = [within(brush.start), within(brush.end)];
  context.save();
  context.fillStyle = colours.veil;
  context.fillRect(left, top, from - left, height);
  context.fillRect(to, top, left + width - to, height);
  context.strokeStyle = colours.line;
  context.lineWidth = 2 * devicePixelRatio;
  context.strokeRect(from, top, Math.max(2, to - from), height);
  context.restore();
}

/** @param {uPlot} plot @param {Marker[]} markers @param {number} left @param {number} top @returns {Marker | null} */
export function nearestMarker(plot, markers, left, top) {
  let [nearest, least] = [/** @type {Marker | null} */ (null), REACH_PX];
  for (const marker of markers) {
    const distance = Math.hypot(plot.valToPos(marker.time, 'x') - left, plot.valToPos(marker.value, 'y') - top);
    if (distance < least) [nearest, least] = [marker, distance];
  }
  return nearest;
}
