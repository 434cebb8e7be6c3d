/** The view of a day: choose device and date, calculate, and look at the result. */

import { analysisOf } from "./analysis.js";
import { ApiError } from "./api.js";
import { DistanceChart } from "./chart.js";
import { Cursor } from "./cursor.js";
import { CSV_DELETED, loadDay } from "./day_data.js";
import { element, find, selectOption, showAlert } from "./dom.js";
import { saveDay } from "./export.js";
import { addDays, dateOf, kilometres, plural } from "./format.js";
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

/**
 * Return the device to show of a job. For a job of all devices it is the wanted one if the job has it.
 * @param {import("./types.d.ts").Job} job
 * @param {string} wanted
 * @returns {string | undefined} undefined for a job of all devices that is older than the analysis
 */
function deviceOf(job, wanted) {
  if (job.device_id || analysisOf(job, wanted)) return job.device_id || wanted;
  return job.result?.analysis?.devices[0]?.device_id;
}

/** Controls the tab "Day". */
export class DayView {
  #api;
  #config;
  #running = new AbortController();
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
   * @param {(device: string, date: string, ...job: string[]) => void} onChoose  Called when another day is to be shown,
   *   and with the new job of a day.
   */
  constructor(api, config, onChoose) {
    this.#api = api;
    this.#config = config;
    this.onChoose = onChoose;
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

  /**
   * Show a day by a job, or by the newest one that is completed or still running.
   * @param {string} device @param {string} date @param {string} job
   */
  show(device, date, job) {
    selectOption(this.device, device);
    this.date.value = date;
    find("next", HTMLButtonElement).disabled = date >= dateOf(Date.now(), this.#config.timezone);
    this.#start((signal) => (job ? this.#finish(job, signal) : this.#showNewest(signal)));
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
    const [device, date] = [this.device.value, this.date.value];
    const filter = { device_id: device, date, results: "false", limit: "1" };
    const [newest] = (await this.#api.jobs(filter, signal)).jobs;
    const isRunning = newest?.status === "queued" || newest?.status === "processing";
    const [completed] = isRunning ? [] : await this.#api.days(device, date, date, signal);
    const job = completed ?? newest;
    if (job) await this.#finish(job.job_id, signal);
    else this.status.textContent = "This day has not been calculated yet.";
  }

  /** @param {AbortSignal} signal */
  async #calculate(signal) {
    this.status.textContent = "Sending the request …";
    const [device, date] = [this.device.value, this.date.value];
    const job = await this.#api.submit(device, date, signal);
    this.onChoose(device, date, job.job_id);
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
    const device = deviceOf(job, this.device.value);
    if (device === undefined) throw new ApiError(404, "This job of all devices does not tell them apart.");
    selectOption(this.device, device);
    this.date.value = job.date;
    this.button.textContent = "Calculate again";
    const summary = find("summary", HTMLElement);
    summary.replaceChildren(...summaryOf(job, device));
    summary.hidden = false;
    const day = await loadDay(this.#api, job, device, signal);
    this.#showFigures(day);
    const source = job.device_id ? "" : " This is from a job of all devices.";
    this.status.textContent = `Done. Times are in ${day.timezone}.${source}`;
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
    find("chart-note", HTMLElement).hidden = !day.parameters || day.parameters.day_column === "timestamp";
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
    const which = day.rejectedKnown ? "" : " (not known which; downloads have them)";
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
