/** What the analysis of a day says about its time and its fixes. */

import { offset } from "./geo.js";

/** @typedef {import("./types.d.ts").Period} Period */

const TOLERANCE_MS = 3000; // minutes have two decimals
const MINUTE = 60_000;

/** @param {string?} text @returns {number} NaN if there is none */
const at = (text) => (text === null ? NaN : Date.parse(text));

/**
 * Return the analysis of a device; null for jobs that do not have it, and for those that are older than the analysis.
 * @param {import("./types.d.ts").Job} job
 * @param {string} device
 */
export function analysisOf(job, device) {
  return job.result?.analysis?.devices.find(({ device_id: id }) => id === device) ?? null;
}

/**
 * Return the periods of a device, which cover the window in order of time, and the spans of its trips.
 *
 * The document has trips, gaps and totals, but not from when to when the state is known. Each possible range is
 * compared with the totals. If none agrees, or different ones do, time outside the listed
 * trips and gaps is undetermined.
 * @param {import("./types.d.ts").DeviceAnalysis} device
 * @param {import("./types.d.ts").Span} window
 */
export function periodsOf(device, window) {
  const first = at(device.first_fix_at);
  const last = at(device.last_fix_at);
  const complete = device.trips.length === device.trip_count && device.gaps.length === device.gap_count;
  const gaps = device.gaps.map((gap) => ({ start: at(gap.from), end: at(gap.to), state: gap.counted_as }));
  const unknownInGaps = sum(gaps.filter((gap) => gap.state === "unknown"));
  const ranges = (/** @type {(end: number) => number[]} */ startsOf) => {
    const found = [window.end, last].flatMap((end) => startsOf(end).filter((start) => start <= end).map((start) => {
      const trips = tripSpans(device, start, end);
      const away = trips.map((span) => ({ ...span, state: /** @type {const} */ ("away") }));
      const known = /** @type {const} */ ({ start, end, state: "home" });
      return { trips, periods: paint(window, [{ ...window, state: "unknown" }, known, ...away, ...gaps]) };
    }));
    return found.filter(({ periods }) => agrees(periods, device));
  };
  if (complete) {
    // A range that starts with the window or the first fix is more likely than one that starts with a later fix.
    const likely = ranges(() => [window.start, first]);
    const found = likely.length ? likely : ranges((end) => {
      return [window.start + device.unknown_minutes * MINUTE - unknownInGaps - (window.end - end)];
    });
    if (found.length && found.every(({ periods }) => isSame(periods, found[0].periods))) return found[0];
  }
  const trips = tripSpans(device, window.start, window.end);
  const listed = trips.flatMap((span, index) => {
    const { departed_at: from, returned_at: to } = device.trips[index];
    return from === null || to === null ? [] : [{ ...span, state: /** @type {const} */ ("away") }];
  });
  return { periods: paint(window, [{ ...window, state: "undetermined" }, ...listed, ...gaps]), trips };
}

/** @param {import("./types.d.ts").DeviceAnalysis} device @param {number} start @param {number} end */
function tripSpans(device, start, end) {
  return device.trips.map((trip) => ({
    start: trip.departed_at === null ? start : at(trip.departed_at),
    end: trip.returned_at === null ? end : at(trip.returned_at),
  }));
}

/** @param {import("./types.d.ts").Span[]} spans */
const sum = (spans) => spans.reduce((total, span) => total + span.end - span.start, 0);

/** @param {Period[]} periods @param {import("./types.d.ts").DeviceAnalysis} device */
function agrees(periods, device) {
  const expected = { home: device.home_minutes, away: device.away_minutes, unknown: device.unknown_minutes };
  return Object.entries(expected).every(([state, minutes]) => {
    const painted = sum(periods.filter((period) => period.state === state));
    return Math.abs(painted - minutes * MINUTE) <= TOLERANCE_MS;
  });
}

/** @param {Period[]} some @param {Period[]} others */
function isSame(some, others) {
  const isLong = (/** @type {Period} */ period) => period.end - period.start > TOLERANCE_MS;
  const [long, otherLong] = [some.filter(isLong), others.filter(isLong)];
  return long.length === otherLong.length && long.every((period, index) => {
    return period.state === otherLong[index].state && Math.abs(period.end - otherLong[index].end) <= TOLERANCE_MS;
  });
}

/**
 * Return the periods of a window in which each layer covers those before it.
 * @param {import("./types.d.ts").Span} window
 * @param {Period[]} layers
 */
function paint(window, layers) {
  /** @type {Period[]} */
  let painted = [];
  for (const layer of layers) {
    const start = Math.max(layer.start, window.start);
    const end = Math.min(layer.end, window.end);
    if (!(start < end)) continue;
    painted = painted.flatMap((period) => [
      { ...period, end: Math.min(period.end, start) },
      { ...period, start: Math.max(period.start, end) },
    ]);
    painted = [...painted.filter((period) => period.start < period.end), { start, end, state: layer.state }];
  }
  return painted.sort((a, b) => a.start - b.start);
}

/**
 * Mark the fixes that the analysis has rejected, by its rules. Returns false, and marks none, if their number is not
 * that of the document, as with a day column that is not the time of the fix.
 * @param {import("./types.d.ts").Track} track
 * @param {import("./types.d.ts").DeviceAnalysis} device
 * @param {import("./types.d.ts").Parameters} parameters
 */
export function markRejected(track, device, parameters) {
  const { time, latitude, longitude, accuracy, rejected } = track;
  const candidates = [];
  let previous = -1;
  for (let i = 0; i < time.length; i++) {
    const nowhere = latitude[i] === 0 && longitude[i] === 0;
    const bad = nowhere || accuracy[i] < 0 || accuracy[i] > parameters.max_accuracy_m || time[i] === previous;
    rejected[i] = Number(bad);
    if (bad) continue;
    candidates.push(i);
    previous = time[i];
  }
  const distance = (/** @type {number} */ a, /** @type {number} */ b) =>
    offset(latitude[a], longitude[a], latitude[b], longitude[b]).distance;
  const speed = (/** @type {number} */ km, /** @type {number} */ a, /** @type {number} */ b) =>
    (km * 3_600_000) / (time[b] - time[a]);
  for (let k = 1; k + 1 < candidates.length; k++) {
    const [p, f, n] = candidates.slice(k - 1, k + 2);
    const [there, back] = [distance(p, f), distance(f, n)];
    const detour = there + back - distance(p, n);
    const fast = speed(there, p, f) > 1000 && speed(back, f, n) > 1000;
    if (detour > 0.2 && (fast || speed(detour, p, n) > parameters.jump_speed_kmh)) rejected[f] = 1;
  }
  const usable = time.length - rejected.reduce((count, flag) => count + flag, 0);
  if (usable === device.fixes.usable) return true;
  rejected.fill(0);
  return false;
}
