/** The view of the jobs: newest first, live, with deletion and recalculation. */

import { delay } from "./api.js";
import { element, find, showAlert } from "./dom.js";
import { moment, plural } from "./format.js";
import { explain, failureOf } from "./messages.js";

/** @typedef {import("./types.d.ts").Job} Job */

const PAGE = 50;
const LARGEST_PAGE = 500;
const LIVE_MS = 2000; // while a job is unfinished
const IDLE_MS = 5000;
const STATES = { queued: "Waiting", processing: "Calculating", completed: "Done", failed: "Failed" };
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Controls the tab "Jobs". */
export class JobsView {
  #api;
  #running = new AbortController();
  #limit = PAGE;
  /** @type {Map<string, {text: string, row: HTMLTableRowElement}>} */
  #rows = new Map();
  body = find("jobs-body", HTMLElement);
  more = find("jobs-more", HTMLButtonElement);

  /**
   * @param {import("./api.js").Api} api
   * @param {(job: Job) => void} onOpen
   */
  constructor(api, onOpen) {
    this.#api = api;
    this.onOpen = onOpen;
    find("jobs-form", HTMLFormElement).onchange = () => this.show();
    this.more.onclick = () => {
      this.#limit += PAGE;
      this.show();
    };
  }

  hide() {
    this.#running.abort();
  }

  /** Show the jobs and keep them up to date until the view is hidden. */
  async show() {
    this.hide();
    const { signal } = (this.#running = new AbortController());
    try {
      while (!signal.aborted) {
        const isLive = document.hidden ? false : await this.#load(signal);
        await delay(isLive ? LIVE_MS : IDLE_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) showAlert(explain(error));
    }
  }

  /** Return whether a job is unfinished. @param {AbortSignal} signal */
  async #load(signal) {
    const value = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(id, HTMLElement)).value;
    const filter = { status: value("jobs-state"), device_id: value("jobs-device"), date: value("jobs-date") };
    /** @type {Job[]} */
    const jobs = [];
    let total = 0;
    for (let offset = /** @type {number?} */ (0); offset !== null && jobs.length < this.#limit; ) {
      const page = { limit: String(Math.min(LARGEST_PAGE, this.#limit - jobs.length)), offset: String(offset) };
      const found = await this.#api.jobs({ ...filter, ...page }, signal);
      jobs.push(...found.jobs);
      [total, offset] = [found.total_count, found.next_offset];
    }
    const focused = document.activeElement;
    const rows = jobs.map((job) => this.#row(job));
    if (rows.some((row, index) => row !== this.body.children[index]) || rows.length !== this.body.children.length) {
      this.body.replaceChildren(...rows);
      if (focused instanceof HTMLElement && this.body.contains(focused)) focused.focus();
    }
    find("jobs-count", HTMLElement).textContent = total ? `${plural(total, "job")}, newest first` : "No jobs.";
    this.more.hidden = total <= jobs.length;
    return jobs.some((job) => job.status === "queued" || job.status === "processing");
  }

  /** Return the row of a job: the same one as before if nothing has changed. @param {Job} job */
  #row(job) {
    const text = JSON.stringify([job.status, job.error_code]);
    const known = this.#rows.get(job.job_id);
    if (known?.text === text) return known.row;
    const day = `${job.device_id || "all devices"} on ${job.date}`;
    const button = (/** @type {string} */ name, /** @type {() => void} */ action) => {
      const made = element("button", { type: "button", "aria-label": `${name}: ${day}` }, name);
      made.onclick = action;
      return made;
    };
    const actions = [
      button("Open", () => this.onOpen(job)),
      button("Calculate again", () => this.#act((signal) => this.#api.submit(job.device_id, job.date, signal))),
      button("Delete", () => this.#confirm(day, job)),
    ];
    const reason = job.status === "failed" ? [element("p", { class: "note" }, failureOf(job))] : [];
    const row = element("tr", { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, job.date),
      element("td", { role: "cell" }, job.device_id || "all devices"),
      element("td", { role: "cell" }, element("span", { class: `state ${job.status}` }, STATES[job.status]), ...reason),
      element("td", { role: "cell" }, moment(Date.parse(job.queued_at), ZONE)),
      element("td", { role: "cell", class: "actions" }, ...actions));
    this.#rows.set(job.job_id, { text, row });
    return row;
  }

  /** Delete a job once the user confirms it. @param {string} day @param {Job} job */
  #confirm(day, job) {
    const dialog = find("confirm", HTMLDialogElement);
    find("confirm-text", HTMLElement).textContent = `Delete the job of ${day}? Its CSV file is deleted too.`;
    dialog.onclose = () => {
      if (dialog.returnValue === "delete") this.#act((signal) => this.#api.delete(job.job_id, signal));
    };
    dialog.returnValue = "";
    dialog.showModal();
  }

  /** @param {(signal: AbortSignal) => Promise<unknown>} action */
  async #act(action) {
    showAlert(null);
    try {
      await action(new AbortController().signal);
    } catch (error) {
      showAlert(explain(error));
    }
    this.show();
  }
}
