/** The view of a day: choose device and date, calculate, and look at the result. */

import { ApiError } from "./api.js";
import { DistanceChart } from "./chart.js";
import { Cursor } from "./cursor.js";
import { CSV_DELETED, loadDay } from "./day_data.js";
import { element, find, selectOption, showAlert } from "./dom.js";
import { saveDay } from "./export.js";
import { addDays, kilometres, plural } from "./format.js";
import { DayMap } from "./map.js";
import { explain, failureOf } from "./messages.js";
import { summaryOf } from "./summary.js";
import { tablesOf } from "./tables.js";

const PROGRESS = {
  queued: "Waiting to be calculated …",
  processing: "Calculating …",
  completed: "Loading positions …",
  failed: "Calculation failed.",
};
const READOUT = "Point at a figure, or use the arrow keys on it, to see where the device was.";

/** @param {import("./types.d.ts").Day} day */
function legendOf(day) {
  const shown = new Set(day.periods.map((period) => period.state));
  const names = { home: "at home", away: "away", unknown: "unknown", undetermined: "not determined" };
  const states = /** @type {const} */ (["home", "away", "unknown", "undetermined"]);
  const items = states.filter((state) => shown.has(state)).map((state) => [state, names[state]]);
  if (day.parameters) items.push(["threshold", `away beyond ${kilometres(day.parameters.away_threshold_km)}`]);
  return items.map(([kind, text]) => element("li", { class: kind }, text));
}

/** Controls the tab "Day". */
export class DayView {
  #api;
  #config;
  #running = new AbortController();
  #today = new Date().toISOString().slice(0, 10);
  /** @type {import("./types.d.ts").Day?} */
  #day = null;
  /** @type {(DistanceChart | DayMap)[]} */
  #figures = [];
  device = find("device", HTMLSelectElement);
  date = find("date", HTMLInputElement);
  button = find("calculate", HTMLButtonElement);
  status = find("job-status", HTMLElement);

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./types.d.ts").Config} config
   * @param {(device: string, date: string) => void} onChoose  Called when the user has chosen another day.
   */
  constructor(api, config, onChoose) {
    this.#api = api;
    this.#config = config;
    const choose = () => this.date.value && onChoose(this.device.value, this.date.value);
    this.device.onchange = this.date.onchange = choose;
    const step = (/** @type {number} */ days) => {
      if (!this.date.value) return;
      this.date.value = addDays(this.date.value, days);
      choose();
    };
    find("previous", HTMLButtonElement).onclick = () => step(-1);
    find("next", HTMLButtonElement).onclick = () => step(1);
    find("day-form", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      if (this.button.ariaDisabled !== "true") this.#start((signal) => this.#calculate(signal));
    };
    find("geojson", HTMLButtonElement).onclick = () => this.#day && saveDay(this.#day, "geojson");
    find("gpx", HTMLButtonElement).onclick = () => this.#day && saveDay(this.#day, "gpx");
    find("csv", HTMLAnchorElement).onclick = (event) => this.#saveCsv(event);
    find("map", HTMLElement).addEventListener("click", (event) => {
      const zoom = event.target instanceof HTMLElement ? event.target.dataset.zoom : undefined;
      for (const figure of this.#figures) if (zoom && figure instanceof DayMap) figure.zoom(Number(zoom));
    });
  }

  /** Show a day: its newest completed job, or one that is still running. @param {string} device @param {string} date */
  show(device, date) {
    selectOption(this.device, device);
    this.date.value = date;
    find("next", HTMLButtonElement).disabled = date > this.#today;
    this.#start((signal) => this.#showNewest(signal));
  }

  hide() {
    this.#running.abort();
  }

  /** Run one action, which ends the one before. @param {(signal: AbortSignal) => Promise<void>} action */
  async #start(action) {
    this.#running.abort();
    const running = (this.#running = new AbortController());
    showAlert(null);
    this.#clear();
    this.button.ariaDisabled = "true"; // unlike a disabled one, it keeps the focus
    try {
      await action(running.signal);
    } catch (error) {
      if (running.signal.aborted) return;
      this.status.textContent = "";
      showAlert(explain(error));
    }
    if (!running.signal.aborted) this.button.ariaDisabled = "false";
  }

  /** @param {AbortSignal} signal */
  async #showNewest(signal) {
    this.status.textContent = "Looking for the day …";
    const filter = { device_id: this.device.value, date: this.date.value, results: "false", limit: "20" };
    const { jobs } = await this.#api.jobs(filter, signal);
    const [newest] = jobs;
    const completed = jobs.find((job) => job.status === "completed");
    const job = newest?.status === "failed" ? completed ?? newest : newest;
    if (job) await this.#finish(job.job_id, signal);
    else this.status.textContent = "This day has not been calculated yet.";
  }

  /** @param {AbortSignal} signal */
  async #calculate(signal) {
    this.status.textContent = "Sending the request …";
    const job = await this.#api.submit(this.device.value, this.date.value, signal);
    await this.#finish(job.job_id, signal);
  }

  /** Follow a job to its end and show it. @param {string} jobId @param {AbortSignal} signal */
  async #finish(jobId, signal) {
    const job = await this.#api.follow(jobId, signal, ({ status }) => {
      this.status.textContent = PROGRESS[status];
    });
    if (job.status === "failed") {
      showAlert(failureOf(job));
      return;
    }
    this.button.textContent = "Calculate again";
    const summary = find("summary", HTMLElement);
    summary.replaceChildren(...summaryOf(job));
    summary.hidden = false;
    const day = await loadDay(this.#api, job, signal);
    this.#showFigures(day);
    this.status.textContent = `Done. Times are in ${day.timezone}.`;
  }

  /** @param {import("./types.d.ts").Day} day */
  #showFigures(day) {
    this.#day = day;
    const cursor = new Cursor(day);
    for (const id of ["figures", "tables", "exports"]) find(id, HTMLElement).hidden = false;
    const { map_tiles_url: tiles, map_attribution: attribution } = this.#config;
    this.#figures = [
      new DistanceChart(find("chart-canvas", HTMLElement), cursor),
      new DayMap(find("map-canvas", HTMLElement), cursor, tiles),
    ];
    find("legend", HTMLElement).replaceChildren(...legendOf(day));
    const readout = find("readout", HTMLElement);
    readout.textContent = READOUT;
    cursor.addEventListener("move", () => (readout.textContent = cursor.describe()));
    find("map-note", HTMLElement).textContent = [
      day.home ? "Home is in the middle and north is up." : "North is up. The positions do not tell where home is.",
      "Colours are those of the strip below the chart.",
      tiles ? `Map tiles: ${attribution ?? ""} Their server learns which places are shown.` : "",
    ].join(" ");
    find("tables", HTMLElement).replaceChildren(...tablesOf(cursor));
    find("csv", HTMLAnchorElement).href = day.result.csv_download_url ?? "";
    const rejected = day.analysis ? day.analysis.fixes.read - day.analysis.fixes.usable : 0;
    const choice = find("rejected-choice", HTMLElement);
    choice.hidden = !rejected;
    const box = find("rejected", HTMLInputElement);
    [box.checked, box.disabled] = [false, !day.rejectedKnown];
    box.onchange = () => cursor.show(box.checked);
    const which = day.rejectedKnown ? "" : " (not known which)";
    find("rejected-count", HTMLElement).textContent = `Show ${plural(rejected, "rejected position")}${which}`;
  }

  /** Download the CSV by a new link: the presigned one may have expired. @param {MouseEvent} event */
  async #saveCsv(event) {
    event.preventDefault();
    const { signal } = this.#running;
    try {
      const job = await this.#api.job(this.#day?.job.job_id ?? "", signal);
      if (!job.result?.csv_download_url) throw new ApiError(404, CSV_DELETED);
      element("a", { href: job.result.csv_download_url, download: "" }).click();
    } catch (error) {
      if (!signal.aborted) showAlert(explain(error));
    }
  }

  #clear() {
    this.#day = null;
    this.#figures.forEach((figure) => figure.layers.remove());
    this.#figures = [];
    this.button.textContent = "Calculate";
    for (const id of ["summary", "figures", "tables", "exports"]) find(id, HTMLElement).hidden = true;
  }
}
