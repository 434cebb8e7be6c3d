/** The figure "Map": the track of a day around home, coloured by time. North is up; distances from home are true. */

import { Layers, color, crosses, dot, label, line, rejectedFixes, timeColors } from "./canvas.js";
import { kilometres } from "./format.js";
import { destination, offset, roundDown } from "./geo.js";
import { Tiles } from "./tiles.js";

const COLORS = 48;
const SMALLEST_KM = 0.15; // radius of the view of a day at home
const REACH = 28; // pixels from the pointer to a fix
const SQUARE = 4; // pixels
const COVERING = 12; // lines, whose width is more than half of a square's
const SHORT = 50; // pixels

/** Counts the lines that end in each square of the map and of a margin that no short line crosses. */
class Squares {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.columns = Math.ceil((width + 2 * SHORT) / SQUARE);
    this.counts = new Uint8Array(this.columns * Math.ceil((height + 2 * SHORT) / SQUARE));
  }

  /**
   * Count a line to a pixel. Returns whether its square needs no more lines: they cover it, or it is not shown.
   * @param {number} x @param {number} y
   */
  cover(x, y) {
    const column = Math.floor((x + SHORT) / SQUARE);
    const square = Math.floor((y + SHORT) / SQUARE) * this.columns + column;
    if (column < 0 || column >= this.columns || !(square in this.counts)) return true;
    if (this.counts[square] === COVERING) return true;
    this.counts[square]++;
    return false;
  }
}

/** Draws a day until it is removed. */
export class DayMap {
  /**
   * @param {HTMLElement} container
   * @param {import("./cursor.js").Cursor} cursor
   * @param {string?} tiles  The template of the tiles' URLs, if there are any.
   */
  constructor(container, cursor, tiles) {
    this.container = container;
    this.cursor = cursor;
    this.day = cursor.day;
    const { track, home } = this.day;
    const first = Math.max(0, track.rejected.indexOf(0));
    const center = home ?? { latitude: track.latitude[first], longitude: track.longitude[first] };
    this.tiles = tiles ? new Tiles(tiles, center, () => this.layers.redraw()) : null;
    /** Kilometres east and north of the centre: azimuthal equidistant, or Mercator with tiles. */
    this.positionOf = (/** @type {number} */ latitude, /** @type {number} */ longitude) =>
      this.tiles?.project(latitude, longitude) ?? offset(center.latitude, center.longitude, latitude, longitude);
    const count = track.time.length;
    this.east = new Float64Array(count);
    this.north = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const place = this.positionOf(track.latitude[i], track.longitude[i]);
      [this.east[i], this.north[i]] = [place.east, place.north];
    }
    this.whole = this.#fit(null);
    this.view = this.whole;
    this.layers = new Layers(container, (...to) => this.#drawBase(...to), (...to) => this.#drawOverlay(...to));
    const { overlay } = this.layers;
    cursor.control(overlay, "Time on the map");
    cursor.addEventListener("move", () => this.layers.redrawOverlay());
    cursor.addEventListener("show", () => this.layers.redraw());
    cursor.addEventListener("select", () => {
      this.#show(cursor.span ? this.#fit(cursor.span) : this.whole);
    });
    let [lastX, lastY] = [0, 0];
    overlay.onpointermove = (event) => {
      // A finger on the whole day scrolls the page.
      const isDragged = event.buttons && (event.pointerType === "mouse" || this.view !== this.whole);
      if (isDragged) this.#pan(event.offsetX - lastX, event.offsetY - lastY);
      else this.#point(event.offsetX, event.offsetY);
      [lastX, lastY] = [event.offsetX, event.offsetY];
    };
    overlay.onpointerdown = (event) => {
      overlay.setPointerCapture(event.pointerId);
      this.#point(event.offsetX, event.offsetY);
      [lastX, lastY] = [event.offsetX, event.offsetY];
    };
  }

  /** Zoom by a factor; 0 shows the whole day. @param {number} factor */
  zoom(factor) {
    const radius = Math.max(0.02, Math.min(20_000, this.view.radius / (factor || 1)));
    this.#show(factor ? { ...this.view, radius } : this.whole);
  }

  /** @param {{east: number, north: number, radius: number}} view */
  #show(view) {
    this.view = view;
    this.layers.overlay.style.touchAction = view === this.whole ? "" : "none";
    this.layers.redraw();
  }

  /**
   * Return the view that has home in its middle and all fixes, or the fixes of a span.
   * @param {import("./types.d.ts").Span?} span
   * @returns {{east: number, north: number, radius: number}}
   */
  #fit(span) {
    const { track, home } = this.day;
    let [west, east, south, north, radius] = [Infinity, -Infinity, Infinity, -Infinity, 0];
    for (let i = 0; i < this.east.length; i++) {
      if (track.rejected[i] || (span && (track.time[i] < span.start || track.time[i] > span.end))) continue;
      [west, east] = [Math.min(west, this.east[i]), Math.max(east, this.east[i])];
      [south, north] = [Math.min(south, this.north[i]), Math.max(north, this.north[i])];
      radius = Math.max(radius, Math.hypot(this.east[i], this.north[i]));
    }
    if (west > east) return { east: 0, north: 0, radius: SMALLEST_KM };
    if (!span && home) return { east: 0, north: 0, radius: Math.max(SMALLEST_KM, radius * 1.1) };
    const half = Math.max(SMALLEST_KM, (1.2 * Math.hypot(east - west, north - south)) / 2);
    return { east: (west + east) / 2, north: (south + north) / 2, radius: half };
  }

  #scale() {
    return Math.min(this.container.clientWidth, this.container.clientHeight) / 2 / this.view.radius;
  }

  /** @param {number} right @param {number} down in pixels */
  #pan(right, down) {
    const scale = this.#scale();
    this.#show({ ...this.view, east: this.view.east - right / scale, north: this.view.north + down / scale });
  }

  /** Move the cursor to the fix that is nearest to a pixel. @param {number} x @param {number} y */
  #point(x, y) {
    const scale = this.#scale();
    const east = this.view.east + (x - this.container.clientWidth / 2) / scale;
    const north = this.view.north - (y - this.container.clientHeight / 2) / scale;
    let [best, found] = [(REACH / scale) ** 2, -1];
    for (let i = 0; i < this.east.length; i++) {
      const square = (this.east[i] - east) ** 2 + (this.north[i] - north) ** 2;
      if (square < best && (this.cursor.showRejected || !this.day.track.rejected[i])) [best, found] = [square, i];
    }
    if (found >= 0) this.cursor.move(found);
  }

  /** @param {number} width @param {number} height */
  #project(width, height) {
    const scale = this.#scale();
    const { east, north } = this.view;
    return {
      scale,
      x: (/** @type {number} */ at) => width / 2 + (at - east) * scale,
      y: (/** @type {number} */ at) => height / 2 - (at - north) * scale,
    };
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #drawBase(context, width, height) {
    const { scale, x, y } = this.#project(width, height);
    const { track, home, farthest } = this.day;
    this.tiles?.draw(context, width, height, scale, x, y);
    if (home) this.#drawRings(context, width, height, home);
    this.#drawTrack(context, width, height, x, y);
    if (this.cursor.showRejected) {
      crosses(context, rejectedFixes(track.rejected).map((i) => [x(this.east[i]), y(this.north[i])]));
    }
    if (home) drawHome(context, x(0), y(0));
    if (farthest >= 0) dot(context, x(this.east[farthest]), y(this.north[farthest]), 5.5, color("farthest"));
    const length = roundDown(110 / scale);
    line(context, [[14, height - 14], [14 + length * scale, height - 14]], color("muted"), 2);
    context.textAlign = "left";
    context.textBaseline = "bottom";
    label(context, kilometres(length), 14, height - 18, color("muted"));
    context.textAlign = "center";
    label(context, "N", width - 20, 40, color("muted"));
    line(context, [[width - 20, 10], [width - 15, 23], [width - 25, 23], [width - 20, 10]], color("muted"), 1);
    context.fill();
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
   * @param {import("./types.d.ts").Place} home
   */
  #drawRings(context, width, height, home) {
    const { scale, x, y } = this.#project(width, height);
    const step = roundDown(this.view.radius / 1.9);
    const reach = Math.hypot(Math.abs(x(0) - width / 2) + width / 2, Math.abs(y(0) - height / 2) + height / 2) / scale;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const ring = (/** @type {number} */ radius, /** @type {string} */ stroke, /** @type {number[]} */ dashes = []) => {
      const places = Array.from({ length: 181 }, (_, index) => destination(home, radius, index * 2));
      const positions = places.map(({ latitude, longitude }) => this.positionOf(latitude, longitude));
      line(context, positions.map(({ east, north }) => [x(east), y(north)]), stroke, 1, dashes);
      return y(positions[0].north);
    };
    for (let radius = step; radius < reach && radius < 20 * step; radius += step) {
      const labelY = ring(radius, color("ring"));
      if (labelY > 10) label(context, kilometres(radius), x(0), labelY, color("muted"));
    }
    const threshold = this.day.parameters?.away_threshold_km;
    if (threshold !== undefined) ring(threshold, color("threshold"), [5, 4]);
  }

  /**
   * Draw the lines between fixes, the latest on top. Short ones between covered squares cannot be seen and are left
   * out, so that it hardly matters how many fixes there are where a device rests.
   * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
   * @param {(km: number) => number} x @param {(km: number) => number} y
   */
  #drawTrack(context, width, height, x, y) {
    const { track, window, parameters } = this.day;
    const { span } = this.cursor;
    const longest = (parameters?.gap_seconds ?? Infinity) * 1000;
    const paths = timeColors(COLORS).map((stroke) => ({ stroke, near: new Path2D(), far: new Path2D() }));
    const squares = { near: new Squares(width, height), far: new Squares(width, height) };
    let [lastX, lastY, lastTime, lastCovered] = [NaN, NaN, NaN, false];
    for (let i = track.time.length - 1; i >= 0; i--) {
      if (track.rejected[i]) continue;
      const [atX, atY, time] = [x(this.east[i]), y(this.north[i]), track.time[i]];
      const connected = lastTime - time <= longest;
      const length = Math.abs(atX - lastX) + Math.abs(atY - lastY);
      lastTime = time;
      if (connected && length < 1) continue;
      const part = !span || (time >= span.start && time <= span.end) ? "near" : "far";
      const covered = squares[part].cover(atX, atY);
      if (!(connected && length < SHORT && covered && lastCovered)) {
        const share = (time - window.start) / (window.end - window.start);
        const path = paths[Math.max(0, Math.min(COLORS - 1, Math.floor(share * COLORS)))][part];
        if (connected) path.moveTo(lastX, lastY);
        else path.moveTo(atX, atY);
        path.lineTo(atX, atY);
      }
      [lastX, lastY, lastCovered] = [atX, atY, covered];
    }
    for (const [part, alpha] of /** @type {const} */ ([["far", 0.3], ["near", 1]])) {
      context.globalAlpha = alpha;
      context.lineWidth = 2.5;
      for (const path of paths) {
        context.strokeStyle = path.stroke;
        context.stroke(path[part]);
      }
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #drawOverlay(context, width, height) {
    const { index } = this.cursor;
    if (index < 0) return;
    const { x, y } = this.#project(width, height);
    dot(context, x(this.east[index]), y(this.north[index]), 6.5, color("text"));
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y */
function drawHome(context, x, y) {
  const corners = [[-8, 0], [0, -8], [8, 0], [5.5, 0], [5.5, 7], [-5.5, 7], [-5.5, 0], [-8, 0]];
  line(context, corners.map(([right, down]) => [x + right, y + down]), color("surface"), 4);
  context.fillStyle = color("text");
  context.fill();
}
