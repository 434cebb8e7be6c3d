/** Two canvases above one another: the drawing, and what moves with the cursor. */

import { hourOf } from "./format.js";

/** @typedef {(context: CanvasRenderingContext2D, width: number, height: number) => void} Draw */

const scheme = matchMedia("(prefers-color-scheme: dark)");

/** Draws again when the size, the colours or the resolution of the screen change. */
export class Layers {
  /**
   * @param {HTMLElement} container
   * @param {Draw} drawBase
   * @param {Draw} drawOverlay
   */
  constructor(container, drawBase, drawOverlay) {
    this.base = document.createElement("canvas");
    this.overlay = document.createElement("canvas");
    this.base.setAttribute("aria-hidden", "true");
    this.container = container;
    this.draws = [drawBase, drawOverlay];
    container.replaceChildren(this.base, this.overlay);
    this.redraw = this.redraw.bind(this);
    this.observer = new ResizeObserver(this.redraw);
    this.observer.observe(container);
    scheme.addEventListener("change", this.redraw);
  }

  remove() {
    this.observer.disconnect();
    scheme.removeEventListener("change", this.redraw);
    this.container.replaceChildren();
  }

  redraw() {
    this.#draw(this.base, this.draws[0]);
    this.redrawOverlay();
  }

  redrawOverlay() {
    this.#draw(this.overlay, this.draws[1]);
  }

  /** @param {HTMLCanvasElement} canvas @param {Draw} draw */
  #draw(canvas, draw) {
    const { clientWidth: width, clientHeight: height } = this.container;
    const context = canvas.getContext("2d");
    if (!context || !width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
      canvas.width = pixelWidth;
      canvas.height = pixelHeight;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    context.lineJoin = context.lineCap = "round";
    draw(context, width, height);
  }
}

/** Return a custom property of the page, such as a colour. @param {string} name */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Return the colours of the times of a day, earliest first. @param {number} count */
export function timeColors(count) {
  const stops = [0, 1, 2, 3].map((stop) => color(`time-${stop}`));
  return Array.from({ length: count }, (_, index) => {
    const place = (index / (count - 1)) * (stops.length - 1);
    const from = Math.min(Math.floor(place), stops.length - 2);
    return `color-mix(in srgb, ${stops[from + 1]} ${100 * (place - from)}%, ${stops[from]})`;
  });
}

/**
 * Return the full hours of a window in a time zone at which an axis has labels, at most `most`.
 * @param {import("./types.d.ts").Span} window
 * @param {string} timezone
 * @param {number} most
 */
export function hourTicks(window, timezone, most) {
  const hours = (window.end - window.start) / 3_600_000;
  const step = [1, 2, 3, 4, 6, 12].find((every) => hours / every <= most) ?? 24;
  const ticks = [];
  for (let time = Math.ceil(window.start / 900_000) * 900_000; time <= window.end; time += 900_000) {
    if (hourOf(time, timezone) % step === 0) ticks.push(time);
  }
  return ticks;
}

/**
 * Draw lines through points, dashed if that is asked for.
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number][]} points
 * @param {string} stroke
 * @param {number} width
 * @param {number[]} dashes
 */
export function line(context, points, stroke, width, dashes = []) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.setLineDash(dashes);
  [context.strokeStyle, context.lineWidth] = [stroke, width];
  context.stroke();
  context.setLineDash([]);
}

/**
 * Write text with a halo, so that it is legible above lines.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} fill
 */
export function label(context, text, x, y, fill) {
  [context.strokeStyle, context.lineWidth, context.fillStyle] = [color("surface"), 4, fill];
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/**
 * Draw a dot with a rim.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} fill
 */
export function dot(context, x, y, radius, fill) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  [context.strokeStyle, context.lineWidth, context.fillStyle] = [color("surface"), 2, fill];
  context.fill();
  context.stroke();
}

/**
 * Draw the marks of rejected fixes, one in each square of two pixels.
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number][]} places
 */
export function crosses(context, places) {
  [context.strokeStyle, context.lineWidth] = [color("rejected"), 2];
  const squares = new Map(places.map((place) => [place.map((at) => Math.round(at / 2)).join(), place]));
  for (const [x, y] of squares.values()) {
    context.beginPath();
    context.moveTo(x - 4, y - 4);
    context.lineTo(x + 4, y + 4);
    context.moveTo(x + 4, y - 4);
    context.lineTo(x - 4, y + 4);
    context.stroke();
  }
}

/** @param {Uint8Array} rejected @returns {number[]} the indices of the rejected fixes */
export const rejectedFixes = (rejected) => [...rejected.keys()].filter((index) => rejected[index]);
