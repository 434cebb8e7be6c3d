/** Numbers, durations and times as people read them. */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * Return a format for a time zone; UTC if the browser does not know the zone.
 * @param {string} timezone
 * @param {Intl.DateTimeFormatOptions} options
 * @param {string} locale
 */
function format(timezone, options, locale = "en-GB") {
  const key = JSON.stringify([timezone, options, locale]);
  let made = formats.get(key);
  if (!made) {
    try {
      made = new Intl.DateTimeFormat(locale, { timeZone: timezone, ...options });
    } catch {
      made = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
    }
    formats.set(key, made);
  }
  return made;
}

/** @param {number} time @param {string} timezone @returns {string} such as 14:05 */
export const clock = (time, timezone) => format(timezone, { hour: "2-digit", minute: "2-digit" }).format(time);

/** @param {number} time @param {string} timezone @returns {string} such as 14:05:09 */
export const clockSeconds = (time, timezone) => format(timezone, { timeStyle: "medium" }).format(time);

/** @param {number} time @param {string} timezone @returns {string} such as 21 Jan 2026, 14:05 */
export const moment = (time, timezone) => format(timezone, { dateStyle: "medium", timeStyle: "short" }).format(time);

/** @param {number} time @param {string} timezone @returns {string} such as 2026-01-21 */
export const dateOf = (time, timezone) => format(timezone, { dateStyle: "short" }, "sv").format(time);

/** @param {string} date @returns {string} such as Wednesday 21 January 2026 */
export const longDate = (date) => format("UTC", { dateStyle: "full" }).format(Date.parse(date));

/**
 * Return the hour of the day in a time zone.
 * @param {number} time
 * @param {string} timezone
 */
export function hourOf(time, timezone) {
  const parts = format(timezone, { hour: "numeric", minute: "numeric", hourCycle: "h23" }).formatToParts(time);
  const value = (/** @type {string} */ type) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return value("hour") + value("minute") / 60;
}

/** @param {number} value @param {number} digits @returns {string} with separators between thousands */
export const number = (value, digits = 0) => value.toLocaleString("en-GB", { maximumFractionDigits: digits });

/** @param {number?} value @returns {string} such as 350 m or 5.55 km */
export function kilometres(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value < 0.9995) return `${number(value * 1000)} m`;
  return `${number(value, value < 10 ? 2 : value < 100 ? 1 : 0)} km`;
}

/** @param {number} value @returns {string} such as 10 h 2 min */
export function minutes(value) {
  if (value > 0 && value < 1) return "under 1 min";
  const whole = Math.round(value);
  const hours = Math.floor(whole / 60);
  if (!hours) return `${whole} min`;
  return whole % 60 ? `${hours} h ${whole % 60} min` : `${hours} h`;
}

/** @param {number} share between 0 and 1 @returns {string}; 100 % only if it is all */
export function percent(share) {
  return `${share >= 1 ? 100 : Math.min(99.9, Math.floor(share * 1000) / 10)} %`;
}

/** @param {string} date @param {number} days @returns {string} the date some days later */
export function addDays(date, days) {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}

/** @param {number} count @param {string} one @param {string} many */
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
