/** Combine a completed job and its CSV into what the page shows. */

import { analysisOf, markRejected, periodsOf } from "./analysis.js";
import { CsvError, parseCsv } from "./csv.js";
import { locateHome } from "./geo.js";
import { nearestFix } from "./cursor.js";
import { ApiError } from "./api.js";

export const CSV_DELETED = "The positions of this day have been deleted. Calculate the day again to see them.";

/**
 * Read the fixes of a device from the CSV of a completed job. A presigned URL that has expired is fetched again.
 * @param {import("./api.js").Api} api
 * @param {import("./types.d.ts").Job} job
 * @param {string} device
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.d.ts").Day>}
 */
export async function loadDay(api, job, device, signal) {
  let current = job;
  for (let attempt = 0; ; attempt++) {
    const url = current.result?.csv_download_url;
    if (!url) throw new ApiError(404, CSV_DELETED);
    const response = await api.csv(url, signal);
    if (response.ok) return dayOf(current, device, parseCsv(await textOf(response, current, signal), device));
    if (attempt > 0) throw new ApiError(response.status, "The positions of the day could not be loaded from storage.");
    current = await api.job(job.job_id, signal);
  }
}

/** @param {Response} response @param {import("./types.d.ts").Job} job @param {AbortSignal} signal */
async function textOf(response, job, signal) {
  const bytes = await response.arrayBuffer().catch(() => new ArrayBuffer(0));
  signal.throwIfAborted();
  if (bytes.byteLength !== job.result?.csv_size_bytes) throw new CsvError("The CSV file is incomplete. Try again.");
  return new TextDecoder().decode(bytes);
}

/**
 * @param {import("./types.d.ts").Job} job
 * @param {string} device
 * @param {import("./types.d.ts").Track} track
 * @returns {import("./types.d.ts").Day}
 */
function dayOf(job, device, track) {
  if (!job.result) throw new TypeError("the job has no result");
  const document = job.result.analysis ?? null;
  const analysis = analysisOf(job, device);
  const parameters = document?.parameters ?? null;
  const window = document
    ? { start: Date.parse(document.window_start), end: Date.parse(document.window_end) }
    : { start: track.time[0] ?? 0, end: (track.time.at(-1) ?? 0) + 1 };
  const rejectedKnown = Boolean(analysis && parameters && markRejected(track, analysis, parameters));
  const states = analysis && periodsOf(analysis, window);
  return {
    job,
    device,
    result: job.result,
    track,
    analysis,
    parameters,
    window,
    timezone: job.timezone ?? "UTC",
    periods: states?.periods ?? [{ ...window, state: "undetermined" }],
    trips: states?.trips ?? [],
    farthest: farthestOf(track, analysis),
    home: locateHome(track),
    rejectedKnown,
  };
}

/**
 * Return the index of the fix that the analysis names, or of the greatest distance without an analysis.
 * @param {import("./types.d.ts").Track} track
 * @param {import("./types.d.ts").DeviceAnalysis?} analysis
 */
function farthestOf(track, analysis) {
  if (!analysis) return track.distance.indexOf(track.distance.reduce((a, b) => Math.max(a, b), 0));
  const { farthest, farthest_at: at } = analysis.distance_from_home_km;
  const index = nearestFix(track.time, Date.parse(at ?? ""));
  return Math.abs(track.distance[index] - (farthest ?? NaN)) < 1e-3 ? index : -1;
}
