/** The region "Summary": a sentence and the numbers of a day, each with its meaning. */

import { analysisOf } from "./analysis.js";
import { element } from "./dom.js";
import { clock, kilometres, longDate, minutes, number, percent, plural } from "./format.js";

/**
 * Return the content of the summary of a device in a completed job.
 * @param {import("./types.d.ts").Job} job
 * @param {string} device
 */
export function summaryOf(job, device) {
  const analysis = analysisOf(job, device);
  const cards = (analysis ? analysisCards(job, analysis) : plainCards(job)).map(([name, value, meaning]) =>
    element("div", { class: "card" }, element("dt", {}, name), element("dd", {},
      element("strong", {}, value), element("span", {}, meaning))));
  return [element("p", { class: "headline" }, sentence(job, device)), element("dl", { class: "cards" }, ...cards)];
}

/** @param {import("./types.d.ts").Job} job @param {string} device */
function sentence(job, device) {
  const who = `${device} on ${longDate(job.date)}: `;
  const analysis = analysisOf(job, device);
  if (!analysis) return `${who}at most ${kilometres(job.result?.max_distance_km ?? null)} from home.`;
  const { trip_count: trips, away_minutes: away, home_minutes: home, coverage, distance_from_home_km: from } = analysis;
  const unknown = coverage < 0.95 ? ` Nothing is known about ${percent(1 - coverage)} of the day.` : "";
  if (from.farthest === null) return `${who}no usable position.`;
  if (!away && !home) return `${who}it is not known whether at home or away.`;
  if (!away) return `${who}at home, never more than ${kilometres(from.farthest)} from it.${unknown}`;
  const count = trips === 1 ? "one trip" : plural(trips, "trip");
  return `${who}away for ${minutes(away)} in ${count}, at most ${kilometres(from.farthest)} from home.${unknown}`;
}

/**
 * @param {import("./types.d.ts").Job} job
 * @param {import("./types.d.ts").DeviceAnalysis} analysis
 * @returns {[string, string, string][]}
 */
function analysisCards(job, analysis) {
  const { distance_from_home_km: from, path_length_km: path, fixes } = analysis;
  const { farthest_at: at } = from;
  const farthestAt = at === null ? "no usable position" : `at ${clock(Date.parse(at), job.timezone ?? "UTC")}`;
  const threshold = kilometres(job.result?.analysis?.parameters.away_threshold_km ?? null);
  const longest = Math.max(0, ...analysis.trips.map((trip) => trip.minutes));
  const rejected = fixes.read - fixes.usable;
  const used = (rejected ? `${number(fixes.usable)} of ` : "") + plural(fixes.read, "position");
  return [
    ["Farthest from home", kilometres(from.farthest), farthestAt],
    ["Time away", minutes(analysis.away_minutes), `farther than ${threshold} from home`],
    ["Trips", number(analysis.trip_count), longest ? `the longest ${minutes(longest)}` : "none in the known time"],
    ["Path length", kilometres(path.robust), `without jitter at rest; ${kilometres(path.raw)} with it`],
    ["Coverage", percent(analysis.coverage), `of the day is known, from ${used}`],
    ["Unknown time", minutes(analysis.unknown_minutes),
      analysis.unknown_minutes ? "no position that tells where" : "the device always reported"],
  ];
}

/**
 * Return the numbers of a job that is older than the analysis.
 * @param {import("./types.d.ts").Job} job
 * @returns {[string, string, string][]}
 */
function plainCards({ result }) {
  if (!result) return [];
  return [
    ["Farthest from home", kilometres(result.max_distance_km), "of all positions, without screening"],
    ["Time away", minutes(result.away_minutes), "by the plain threshold"],
    ["Path length", kilometres(result.path_length_km), "with the jitter of a device at rest"],
    ["Positions", number(result.total_locations), "calculate the day again to get trips and coverage"],
  ];
}
