/** The figure "Distance from home": the distance over time above the bands of home, away and unknown. */

import { Layers, color, crosses, dot, hourTicks, label, line, rejectedFixes, timeColors } from "./canvas.js";
import { clock, kilometres, number } from "./format.js";
import { roundDown } from "./geo.js";

const MARGIN = { left: 46, right: 18, top: 30, bottom: 36 };
const STRIP = 5; // height of the strip with the colours of the map
const CUT_MS = 1_800_000; // without parameters, a longer interval is a gap

/** Draws a day until it is removed. */
export class DistanceChart {
  /**
   * @param {HTMLElement} container
   * @param {import("./cursor.js").Cursor} cursor
   */
  constructor(container, cursor) {
    this.cursor = cursor;
    this.day = cursor.day;
    const { track } = this.day;
    let top = this.day.parameters?.away_threshold_km ?? 0;
    for (let i = 0; i < track.time.length; i++) if (!track.rejected[i]) top = Math.max(top, track.distance[i]);
    this.top = (top || 0.1) * 1.12;
    this.layers = new Layers(container, (...to) => this.#drawBase(...to), (...to) => this.#drawOverlay(...to));
    cursor.control(this.layers.overlay, "Time on the chart");
    cursor.addEventListener("move", () => this.layers.redrawOverlay());
    cursor.addEventListener("select", () => this.layers.redrawOverlay());
    cursor.addEventListener("show", () => this.layers.redraw());
    this.layers.overlay.onpointermove = this.layers.overlay.onpointerdown = (event) => {
      const share = (event.offsetX - MARGIN.left) / (container.clientWidth - MARGIN.left - MARGIN.right);
      const { start, end } = this.day.window;
      cursor.moveTo(start + Math.max(0, Math.min(1, share)) * (end - start));
    };
  }

  /** @param {number} width */
  #x(width) {
    const { start, end } = this.day.window;
    const scale = (width - MARGIN.left - MARGIN.right) / (end - start);
    return (/** @type {number} */ time) => MARGIN.left + (time - start) * scale;
  }

  /** @param {number} height */
  #y(height) {
    const bottom = height - MARGIN.bottom;
    return (/** @type {number} */ km) => bottom - (km / this.top) * (bottom - MARGIN.top);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #drawBase(context, width, height) {
    const [x, y] = [this.#x(width), this.#y(height)];
    this.#drawBands(context, x, height);
    this.#drawAxes(context, x, y, width, height);
    [context.strokeStyle, context.lineWidth] = [color("line"), 1.75];
    this.#drawLine(context, x, y);
    this.#drawTrips(context, x);
    const { track, farthest, parameters } = this.day;
    const threshold = y(parameters?.away_threshold_km ?? NaN);
    line(context, [[MARGIN.left, threshold], [width - MARGIN.right, threshold]], color("threshold"), 1.25, [5, 4]);
    if (this.cursor.showRejected) {
      const cap = (/** @type {number} */ km) => Math.max(MARGIN.top, y(km));
      crosses(context, rejectedFixes(track.rejected).map((i) => [x(track.time[i]), cap(track.distance[i])]));
    }
    if (farthest < 0) return;
    const [atX, atY] = [x(track.time[farthest]), y(track.distance[farthest])];
    dot(context, atX, atY, 4.5, color("farthest"));
    context.textAlign = atX > width - 150 ? "right" : "left";
    context.textBaseline = "middle";
    const text = `farthest ${kilometres(track.distance[farthest])}`;
    label(context, text, atX + (atX > width - 150 ? -9 : 9), Math.max(MARGIN.top + 7, atY - 8), color("text"));
  }

  /** @param {CanvasRenderingContext2D} context @param {(time: number) => number} x @param {number} height */
  #drawBands(context, x, height) {
    for (const { start, end, state } of this.day.periods) {
      const [left, wide, tall] = [x(start), x(end) - x(start), height - MARGIN.top - MARGIN.bottom];
      context.fillStyle = color(`band-${state}`);
      context.fillRect(left, MARGIN.top, wide, tall);
      if (state !== "unknown") continue;
      context.save();
      context.beginPath();
      context.rect(left, MARGIN.top, wide, tall);
      context.clip();
      for (let at = left - tall; at < left + wide; at += 7) {
        line(context, [[at, MARGIN.top + tall], [at + tall, MARGIN.top]], color("hatch"), 1);
      }
      context.restore();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {(time: number) => number} x @param {(km: number) => number} y
   * @param {number} width @param {number} height
   */
  #drawAxes(context, x, y, width, height) {
    const { window, timezone } = this.day;
    const bottom = height - MARGIN.bottom;
    const step = roundDown(this.top / (height > 260 ? 4 : 3));
    const inMetres = this.top < 1;
    context.fillStyle = color("muted");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let km = 0; km <= this.top; km += step) {
      const at = Math.round(y(km)) + 0.5;
      line(context, [[MARGIN.left, at], [width - MARGIN.right, at]], color("grid"), 1);
      context.fillText(number(inMetres ? km * 1000 : km, 3), MARGIN.left - 7, at);
    }
    context.fillText(inMetres ? "m" : "km", MARGIN.left - 7, MARGIN.top - 12);
    const colors = timeColors(64);
    const part = (width - MARGIN.left - MARGIN.right) / colors.length;
    colors.forEach((fill, index) => {
      context.fillStyle = fill;
      context.fillRect(MARGIN.left + index * part, bottom + 3, part + 0.5, STRIP);
    });
    context.fillStyle = color("muted");
    context.textBaseline = "top";
    context.textAlign = "center";
    for (const time of hourTicks(window, timezone, (width - MARGIN.left) / 52)) {
      context.fillText(clock(time, timezone), Math.min(x(time), width - 17), bottom + 14);
    }
  }

  /**
   * Draw the lowest and highest fix of each pixel column only, so that the number of fixes does not matter.
   * @param {CanvasRenderingContext2D} context @param {(time: number) => number} x @param {(km: number) => number} y
   */
  #drawLine(context, x, y) {
    const { time, distance, rejected } = this.day.track;
    const longest = (this.day.parameters?.gap_seconds ?? CUT_MS / 1000) * 1000;
    let [column, low, high, lastTime] = [NaN, 0, 0, NaN];
    context.beginPath();
    for (let i = 0; i < time.length; i++) {
      if (rejected[i]) continue;
      const at = Math.round(x(time[i]) * 2) / 2;
      const height = y(distance[i]);
      if (!(time[i] - lastTime <= longest)) context.moveTo(at, height);
      else if (at !== column || height < low || height > high) context.lineTo(at, height);
      [low, high] = at === column ? [Math.min(low, height), Math.max(high, height)] : [height, height];
      [column, lastTime] = [at, time[i]];
    }
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context @param {(time: number) => number} x */
  #drawTrips(context, x) {
    context.textAlign = "center";
    context.textBaseline = "bottom";
    this.day.trips.forEach((span, index) => {
      const [left, right] = [x(span.start), x(span.end)];
      context.fillStyle = color("trip");
      context.fillRect(left, MARGIN.top - 4, Math.max(2, right - left), 4);
      const text = right - left > 46 ? `Trip ${index + 1}` : right - left > 12 ? String(index + 1) : "";
      context.fillText(text, (left + right) / 2, MARGIN.top - 7);
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #drawOverlay(context, width, height) {
    const [x, y] = [this.#x(width), this.#y(height)];
    const { index, span } = this.cursor;
    const bottom = height - MARGIN.bottom;
    if (span) {
      context.fillStyle = color("veil");
      context.fillRect(MARGIN.left, MARGIN.top, x(span.start) - MARGIN.left, bottom - MARGIN.top);
      context.fillRect(x(span.end), MARGIN.top, width - MARGIN.right - x(span.end), bottom - MARGIN.top);
      [context.strokeStyle, context.lineWidth] = [color("accent"), 2];
      context.strokeRect(x(span.start), MARGIN.top, Math.max(2, x(span.end) - x(span.start)), bottom - MARGIN.top);
    }
    if (index < 0) return;
    const { time, distance } = this.day.track;
    const at = x(time[index]);
    line(context, [[at, MARGIN.top], [at, bottom + STRIP + 3]], color("text"), 1);
    dot(context, at, Math.max(MARGIN.top, y(distance[index])), 5, color("text"));
  }
}
