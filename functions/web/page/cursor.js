/** What is pointed at and selected in a day. The figures and tables share it. */

import { clockSeconds, kilometres, number } from "./format.js";

const HOUR = 3_600_000;

/** Fires "move" when the cursor moves, "select" when a span is selected, and "show" for rejected fixes. */
export class Cursor extends EventTarget {
  /** Index of the fix, or -1. */
  index = -1;
  /** @type {import("./types.d.ts").Span?} */
  span = null;
  showRejected = false;

  /** @param {import("./types.d.ts").Day} day */
  constructor(day) {
    super();
    this.day = day;
  }

  /** @param {number} index */
  move(index) {
    if (index === this.index) return;
    this.index = index;
    this.dispatchEvent(new Event("move"));
  }

  /** Move to the fix that is nearest to a time. @param {number} time */
  moveTo(time) {
    const index = nearestFix(this.day.track.time, time);
    this.move(this.#visible(this.#visible(index, 1), -1));
  }

  /** Return a fix, or if it is not shown the next one in a direction. @param {number} index @param {number} by */
  #visible(index, by) {
    const { rejected } = this.day.track;
    let found = index;
    while (rejected[found] && !this.showRejected) found += by;
    return found in rejected ? found : index;
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.showRejected = isShown;
    this.dispatchEvent(new Event("show"));
  }

  /** @param {import("./types.d.ts").Span?} span */
  select(span) {
    this.span = span;
    this.dispatchEvent(new Event("select"));
  }

  /** @param {number} index @returns {import("./types.d.ts").State} */
  stateAt(index) {
    const time = this.day.track.time[index];
    return this.day.periods.findLast((period) => period.start <= time)?.state ?? "undetermined";
  }

  /** Describe the fix under the cursor. */
  describe() {
    if (this.index < 0) return "";
    const { track, timezone } = this.day;
    const states = { home: "at home", away: "away", unknown: "state unknown", undetermined: "" };
    const accuracy = track.accuracy[this.index];
    return [
      clockSeconds(track.time[this.index], timezone),
      `${kilometres(track.distance[this.index])} from home`,
      track.rejected[this.index] ? "rejected" : states[this.stateAt(this.index)],
      Number.isNaN(accuracy) ? "" : `accurate to ${number(accuracy)} m`,
    ].filter(Boolean).join(" · ");
  }

  /**
   * Make an element a slider over the fixes of the day: arrow keys move by some minutes, with Shift by one fix, and
   * Page Up and Down by an hour.
   * @param {HTMLElement} slider
   * @param {string} label
   */
  control(slider, label) {
    const { time } = this.day.track;
    const step = (this.day.window.end - this.day.window.start) / 480;
    const arrows = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step };
    const steps = /** @type {Record<string, number>} */ ({ ...arrows, PageUp: HOUR, PageDown: -HOUR });
    const attributes = { role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0" };
    for (const [name, text] of Object.entries(attributes)) slider.setAttribute(name, text);
    slider.setAttribute("aria-valuemax", String(Math.max(0, time.length - 1)));
    const update = () => {
      slider.setAttribute("aria-valuenow", String(Math.max(0, this.index)));
      slider.setAttribute("aria-valuetext", this.describe() || "no position chosen");
    };
    this.addEventListener("move", update);
    update();
    slider.onkeydown = (event) => {
      const by = steps[event.key];
      const last = time.length - 1;
      if (event.key === "Escape") this.select(null);
      else if (event.key === "Home" || (by && by > 0 && this.index < 0)) this.move(this.#visible(0, 1));
      else if (event.key === "End" || (by && this.index < 0)) this.move(this.#visible(last, -1));
      else if (by) {
        const one = Math.min(last, Math.max(0, this.index + Math.sign(by)));
        const found = event.shiftKey ? one : nearestFix(time, time[this.index] + by);
        this.move(this.#visible(by > 0 ? Math.max(found, one) : Math.min(found, one), Math.sign(by)));
      } else return;
      event.preventDefault();
    };
  }
}

/**
 * Return the index of the fix that is nearest to a time, or -1 without fixes.
 * @param {Float64Array} times
 * @param {number} time
 */
export function nearestFix(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time - times[low - 1] < times[low] - time ? low - 1 : Math.min(low, times.length - 1);
}
