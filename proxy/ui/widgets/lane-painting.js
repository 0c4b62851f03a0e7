// How lanes are painted: all cells as one small picture, scaled up once. What a click on them does is swim-lane.js's.

import { SEVERITIES, colourTable, severityIndex } from '../severity.js';

/** @import {LaneModel} from '../types.d.ts' */
/** @import {Block} from '../lanes.js' */
/**
 * @typedef {object} Look
 * @property {string[]} palette
 * @property {string} track colour of a cell without a score
 * @property {string} gap colour between rows @property {string} hatch colour over what may still change
 * @property {'colour' | 'bars'} mode
 * @property {number} min scores below are painted as none
 */

/**
 * @param {CanvasRenderingContext2D} context of a canvas of `width` by `lanes * row` CSS pixels
 * @param {LaneModel} model
 * @param {Look} look
 * @param {number} width @param {number} row height of a lane @param {number} ratio of device to CSS pixels
 */
export function paintLanes(context, model, look, width, row, ratio) {
  const lanes = model.names.length;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  context.fillStyle = look.track;
  context.fillRect(0, 0, width, lanes * row);
  if (lanes === 0 || model.cells === 0) return;
  if (look.mode === 'bars') paintBars(context, model, look, width, row);
  else context.drawImage(cellsPicture(model, look), 0, 0, width, lanes * row);
  paintGaps(context, model, look, width, row);
  if (model.interim) paintInterim(context, model, look, width, row);
}

/** Hatches what may still change. @param {CanvasRenderingContext2D} context @param {LaneModel} model @param {Look} look @param {number} width @param {number} row */
function paintInterim(context, model, look, width, row) {
  const cell = width / model.cells;
  context.strokeStyle = look.hatch;
  context.lineWidth = 1;
  model.interim?.forEach((isInterim, at) => {
    if (!isInterim) return;
    const [left, top] = [(at % model.cells) * cell, Math.floor(at / model.cells) * row];
    context.save();
    context.beginPath();
    context.rect(left, top, cell, row - 1);
    context.clip();
    context.beginPath();
    for (let offset = -row; offset < cell; offset += 4) {
      context.moveTo(left + offset, top + row);
      context.lineTo(left + offset + row, top);
    }
    context.stroke();
    context.restore();
  });
}

/** @param {LaneModel} model @param {Look} look @returns {HTMLCanvasElement} one pixel a cell */
function cellsPicture(model, look) {
  const { cells, scores } = model;
  const picture = document.createElement('canvas');
  [picture.width, picture.height] = [cells, model.names.length];
  const context = /** @type {CanvasRenderingContext2D} */ (picture.getContext('2d'));
  const image = context.createImageData(cells, model.names.length);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = colourTable(look.palette);
  for (let at = 0; at < scores.length; at += 1) {
    const score = scores[at];
    if (score > 0 && score >= look.min) pixels[at] = colours[Math.floor(score)];
  }
  context.putImageData(image, 0, 0);
  return picture;
}

/** @param {CanvasRenderingContext2D} context @param {LaneModel} model @param {Look} look @param {number} width @param {number} row */
function paintBars(context, model, look, width, row) {
  const cell = width / model.cells;
  model.scores.forEach((score, at) => {
    if (!(score > 0) || score < look.min) return;
    const height = Math.max(2, ((row - 1) * score) / 100);
    context.fillStyle = look.palette[Math.max(1, severityIndex(score))];
    const lane = Math.floor(at / model.cells);
    context.fillRect((at % model.cells) * cell, (lane + 1) * row - height, Math.max(1, cell), height);
  });
}

/** @param {CanvasRenderingContext2D} context @param {LaneModel} model @param {Look} look @param {number} width @param {number} row */
function paintGaps(context, model, look, width, row) {
  context.fillStyle = look.gap;
  for (let lane = 0; lane < model.names.length; lane += 1) context.fillRect(0, (lane + 1) * row - 1, width, 1);
  const cell = width / model.cells;
  if (cell < 6) return;
  for (let at = 1; at < model.cells; at += 1) context.fillRect(Math.round(at * cell) - 0.5, 0, 1, model.names.length * row);
}

/**
 * @param {CanvasRenderingContext2D} context @param {Block} block
 * @param {{cell: number, row: number, colour: string, veil?: string, width: number, height: number}} how
 *   `veil`: what covers everything outside
 */
export function paintBlock(context, block, { cell, row, colour, veil, width, height }) {
  const [left, top] = [block.first * cell, block.top * row];
  const [right, bottom] = [(block.last + 1) * cell, (block.bottom + 1) * row];
  if (veil) {
    context.fillStyle = veil;
    context.fillRect(0, 0, width, top);
    context.fillRect(0, bottom, width, height - bottom);
    context.fillRect(0, top, left, bottom - top);
    context.fillRect(right, top, width - right, bottom - top);
  }
  context.strokeStyle = colour;
  context.lineWidth = 2;
  // The frame stands outside, so that it covers nothing of a cell of few pixels.
  context.strokeRect(left - 1, top + 1, Math.max(2, right - left) + 2, Math.max(2, bottom - top - 3));
}

/** What the colours mean, from low to critical. @param {string[]} palette */
export function legend(palette) {
  return SEVERITIES.map((severity, at) => ({ ...severity, colour: palette[at] }));
}
