/** The view of a year: a calendar that is coloured by a number of each day. */

import { delay } from "./api.js";
import { element, find, selectOption, showAlert } from "./dom.js";
import { addDays, dateOf, kilometres, longDate, minutes, percent, plural } from "./format.js";
import { explain } from "./messages.js";

/** @typedef {import("./types.d.ts").DayRow} DayRow */

const PAUSE_MS = 300; // between two submissions
const MONTH_NAME = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" });

/** @typedef {(row: DayRow) => number | null | undefined} ValueOf */
/** @type {Record<string, {best: string, value: ValueOf, text: (value: number) => string}>} */
const NUMBERS = {
  farthest: {
    best: "Farthest from home",
    value: ({ analysis, result }) => analysis?.distance_from_home_km.farthest ?? result?.max_distance_km,
    text: kilometres,
  },
  away: {
    best: "Longest away",
    value: ({ analysis, result }) => analysis?.away_minutes ?? result?.away_minutes,
    text: minutes,
  },
  path: { best: "Longest path", value: ({ analysis }) => analysis?.path_length_km.robust, text: kilometres },
  coverage: { best: "Best coverage", value: ({ analysis }) => analysis?.coverage, text: percent },
};

/** @param {"th" | "td"} name @param {string} role @param {string} text */
const cell = (name, role, text) => element(name, { role }, text);

/** Controls the tab "History". */
export class HistoryView {
  #api;
  #config;
  #running = new AbortController();
  #calculating = new AbortController();
  /** @type {Map<string, DayRow>} */
  #days = new Map();
  #year = new Date().getUTCFullYear();
  #shown = "";
  device = find("history-device", HTMLSelectElement);
  number = find("history-number", HTMLSelectElement);
  from = find("history-from", HTMLInputElement);
  to = find("history-to", HTMLInputElement);
  grid = find("calendar", HTMLElement);

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./types.d.ts").Config} config
   * @param {(device: string, year: string) => void} onChoose  Called when the user has chosen another year.
   */
  constructor(api, config, onChoose) {
    this.#api = api;
    this.#config = config;
    const choose = (/** @type {number} */ by) => onChoose(this.device.value, String(this.#year + by));
    this.device.onchange = () => choose(0);
    find("previous-year", HTMLButtonElement).onclick = () => choose(-1);
    find("next-year", HTMLButtonElement).onclick = () => choose(1);
    this.number.onchange = () => this.#draw();
    this.grid.onkeydown = (event) => this.#moveFocus(event);
    find("missing", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      if (this.device.value) this.#calculateMissing();
    };
    find("stop", HTMLButtonElement).onclick = () => this.#calculating.abort();
  }

  /** Missing days are still calculated while the view is hidden. */
  hide() {
    this.#running.abort();
  }

  /**
   * Show a year of a device.
   * @param {string} device @param {number} year
   * @param {string} lastFix  Date of its last fix.
   */
  async show(device, year, lastFix) {
    this.hide();
    const { signal } = (this.#running = new AbortController());
    if (this.#shown !== `${year} ${device}`) this.#calculating.abort();
    [this.#shown, this.#year] = [`${year} ${device}`, year];
    selectOption(this.device, device);
    find("year", HTMLElement).textContent = String(year);
    const end = lastFix < `${year}-12-31` ? lastFix : `${year}-12-31`;
    this.to.value = end < `${year}-01-01` ? `${year}-12-31` : end;
    this.from.value = `${this.to.value.slice(0, 7)}-01`;
    this.#days.clear();
    this.#draw();
    try {
      await this.#load(signal);
    } catch (error) {
      if (!signal.aborted) showAlert(explain(error));
    }
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const rows = await this.#api.days(this.device.value, `${this.#year}-01-01`, `${this.#year}-12-31`, signal);
    this.#days = new Map(rows.map((row) => [row.date, row]));
    this.#draw();
  }

  #draw() {
    const { value, text, best } = NUMBERS[this.number.value];
    let [most, top] = [0, ""];
    for (const [date, row] of this.#days) if ((value(row) ?? 0) > most) [most, top] = [value(row) ?? 0, date];
    const head = Array.from({ length: 32 }, (_, day) => cell("th", "columnheader", day ? String(day) : "Month"));
    const body = Array.from({ length: 12 }, (_, month) => {
      const dates = Array.from({ length: 31 }, (_, day) => new Date(Date.UTC(this.#year, month, day + 1)));
      const days = dates.map((date) => this.#cell(date, month, most));
      return element("tr", { role: "row" }, cell("th", "rowheader", MONTH_NAME.format(Date.UTC(2000, month))), ...days);
    });
    const focused = this.grid.querySelector(":focus")?.getAttribute("data-date");
    this.grid.replaceChildren(
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
      element("tbody", { role: "rowgroup" }, ...body),
    );
    const date = focused ?? top;
    const current = this.grid.querySelector(date ? `[data-date="${date}"]` : "a");
    current?.setAttribute("tabindex", "0");
    if (focused && current instanceof HTMLElement) current.focus();
    const found = top && [`${best}: ${text(most)} on `, element("a", { href: this.#link(top) }, longDate(top)), "."];
    find("best", HTMLElement).replaceChildren(...(found || ["No day of this year has been calculated."]));
    find("scale", HTMLElement).textContent = top ? `up to ${text(most)}` : "";
  }

  /**
   * Return the cell of a day, which is empty if the month does not have it.
   * @param {Date} day @param {number} month
   * @param {number} most  The greatest number of the year.
   */
  #cell(day, month, most) {
    if (day.getUTCMonth() !== month) return cell("td", "gridcell", "");
    const date = day.toISOString().slice(0, 10);
    const made = cell("td", "gridcell", "");
    if (date > dateOf(Date.now(), this.#config.timezone)) {
      made.classList.add("future");
      return made;
    }
    const { value, text } = NUMBERS[this.number.value];
    const row = this.#days.get(date);
    const number = row && value(row);
    const hasNumber = typeof number === "number";
    const name = `${longDate(date)}: ${hasNumber ? text(number) : row ? "no value" : "not calculated"}`;
    const attributes = { href: this.#link(date), "aria-label": name, title: name, tabindex: "-1", "data-date": date };
    const link = element("a", { ...attributes, class: hasNumber ? "day" : null });
    if (hasNumber) link.style.setProperty("--share", `${15 + 85 * Math.sqrt(most ? number / most : 0)}%`);
    made.append(link);
    return made;
  }

  /** @param {string} date */
  #link(date) {
    return `#/day/${date}/${encodeURIComponent(this.device.value)}`;
  }

  /** @param {KeyboardEvent} event */
  #moveFocus(event) {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const focused = document.activeElement;
    if (!by || !(focused instanceof HTMLElement) || !focused.dataset.date) return;
    const [year, month, day] = focused.dataset.date.split("-").map(Number);
    const monthsAreColumns = getComputedStyle(this.grid).gridAutoFlow === "column"; // on narrow screens
    const [months, days] = monthsAreColumns ? by.toReversed() : by;
    const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
    const date = new Date(Date.UTC(year, month - 1 + months, Math.min(day, months ? last : 31) + days));
    const next = this.grid.querySelector(`[data-date="${date.toISOString().slice(0, 10)}"]`);
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    focused.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** Submit each day of the range that has no result, one after the other. */
  async #calculateMissing() {
    showAlert(null);
    this.#calculating.abort();
    const { signal } = (this.#calculating = new AbortController());
    const [progress, state] = [find("progress", HTMLProgressElement), find("missing-state", HTMLElement)];
    const stop = find("stop", HTMLButtonElement);
    let [done, failed] = [0, 0];
    try {
      const [device, from, to] = [this.device.value, this.from.value, this.to.value];
      const known = new Set((await this.#api.days(device, from, to, signal)).map((row) => row.date));
      const missing = [];
      for (let date = from; date <= to; date = addDays(date, 1)) if (!known.has(date)) missing.push(date);
      progress.max = Math.max(1, missing.length);
      progress.hidden = stop.hidden = false;
      for (const date of missing) {
        progress.value = done;
        state.textContent = `Day ${done + 1} of ${missing.length}: ${date}`;
        const { job_id: id } = await this.#api.submit(device, date, signal);
        const job = await this.#api.follow(id, signal, () => {});
        done++;
        failed += Number(job.status === "failed");
        if (done % 10 === 0 || done === missing.length) await this.#load(signal);
        await delay(PAUSE_MS, signal);
      }
      const without = failed ? `; ${plural(failed, "day")} had no result` : "";
      state.textContent = done ? `${plural(done - failed, "day")} calculated${without}.` : "No day is missing.";
    } catch (error) {
      state.textContent = `Stopped after ${plural(done, "day")}.`;
      if (!signal.aborted) showAlert(explain(error));
      else if (!this.#running.signal.aborted) await this.#load(this.#running.signal).catch(() => {});
    }
    progress.hidden = stop.hidden = true;
  }
}
