/** Start the page: configuration, access, tabs, and the address. No address has a coordinate or a key. */

import { Api, ApiError, delay } from "./api.js";
import { DayView } from "./day.js";
import { HistoryView } from "./history.js";
import { JobsView } from "./jobs.js";
import { explain } from "./messages.js";
import { dateOf } from "./format.js";
import { find, showAlert } from "./dom.js";

/** Ask for a key. Requests that need one at the same time share the form. */
class Access {
  /** @type {Promise<string>?} */
  #asked = null;

  /** @param {boolean} isRefused */
  ask(isRefused) {
    find("key-refused", HTMLElement).hidden = !isRefused;
    this.#asked ??= new Promise((resolve) => {
      const form = find("access", HTMLFormElement);
      const key = find("key", HTMLInputElement);
      form.hidden = false;
      key.focus();
      form.onsubmit = (event) => {
        event.preventDefault();
        form.hidden = true;
        this.#asked = null;
        resolve(key.value.trim());
        key.value = "";
      };
    });
    return this.#asked;
  }
}

/** The tabs of the page. The address says which one is shown, after "#". */
const TABS = ["day", "history", "jobs"];

/** The last address of each tab, so that a tab shows again what it showed before. */
const visited = new Map(TABS.map((name) => [name, `#/${name}`]));

/** Make the arrow keys move between the tabs. */
function prepareTabs() {
  const tabs = TABS.map((name) => find(`tab-${name}`, HTMLButtonElement));
  tabs.forEach((tab, index) => {
    tab.onclick = () => (location.hash = visited.get(TABS[index]) ?? "");
    tab.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      const next = tabs[(index + by + tabs.length) % tabs.length];
      next.focus();
      next.click();
    };
  });
}

/** @param {string} name */
function selectTab(name) {
  for (const tab of TABS) {
    const button = find(`tab-${tab}`, HTMLButtonElement);
    button.setAttribute("aria-selected", String(tab === name));
    button.tabIndex = tab === name ? 0 : -1;
    find(tab, HTMLElement).hidden = tab !== name;
  }
}

/** @returns {string[]} the parts of the address after "#" */
const address = () => location.hash.split("/").slice(1).map((part) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
});

async function start() {
  const { signal } = new AbortController();
  const response = await fetch(new URL("config.json", document.baseURI)).catch(() => null);
  if (!response?.ok) throw new ApiError(0, "The page could not load its configuration. Reload it.");
  const config = await response.json();
  const access = new Access();
  const waiting = find("waiting", HTMLElement);
  const api = new Api(config, (isRefused) => access.ask(isRefused), (isWaiting) => (waiting.hidden = !isWaiting));
  const go = (/** @type {string[]} */ ...parts) => (location.hash = `#/${parts.map(encodeURIComponent).join("/")}`);
  const day = new DayView(api, config, (device, date, ...job) => go("day", date, device, ...job));
  const history = new HistoryView(api, config, (device, year) => go("history", year, device));
  const jobs = new JobsView(api, (job) => go("day", job.date, job.device_id || day.device.value, job.job_id));
  prepareTabs();
  /** @type {Map<string, string>} */
  const lastFixes = new Map();
  const route = () => {
    const [tab, when = "", device = day.device.value, job = ""] = address();
    const name = TABS.includes(tab) ? tab : "day";
    const year = /^\d{4}$/.test(when);
    const lastFix = lastFixes.get(device) ?? dateOf(Date.now(), config.timezone);
    selectTab(name);
    if (tab === name) visited.set(name, location.hash);
    showAlert(null);
    for (const view of [day, history, jobs]) view.hide();
    if (name === "jobs") jobs.show();
    else if (!device) return;
    else if (name === "history") history.show(device, Number(year ? when : lastFix.slice(0, 4)), lastFix);
    else day.show(device, /^\d{4}-\d{2}-\d{2}$/.test(when) && Date.parse(when) ? when : lastFix, job);
  };
  window.onhashchange = route;
  const fill = (/** @type {{device_id: string, last_fix_at: string}[]} */ devices) => {
    for (const { device_id: id, last_fix_at: at } of devices) lastFixes.set(id, dateOf(Date.parse(at), config.timezone));
    const ids = devices.map((device) => device.device_id);
    for (const select of [day.device, history.device]) select.replaceChildren(...ids.map((id) => new Option(id, id)));
    find("jobs-device", HTMLSelectElement).append(...ids.map((id) => new Option(id, id)));
    day.device.value = devices.reduce((a, b) => (a.last_fix_at < b.last_fix_at ? b : a), devices[0])?.device_id ?? "";
    route();
  };
  let list = await api.devices(signal);
  fill(list.devices);
  while (list.as_of === null && !list.devices.length) {
    if (!day.device.value) day.status.textContent = "The list of devices is being prepared …";
    await delay(2000, signal);
    list = await api.devices(signal);
    if (list.devices.length) fill(list.devices);
  }
  if (!lastFixes.size) showAlert("No device has reported a position yet.");
}

start().catch((error) => showAlert(explain(error)));
