/** What happened, in plain words. */

import { ApiError } from "./api.js";
import { CsvError } from "./csv.js";

const FAILURES = /** @type {Record<string, string>} */ ({
  NO_DATA: "There are no positions of this device on this day.",
  UNDELIVERABLE: "The calculation could not be started. Calculate the day again.",
  TOO_MANY_ATTEMPTS: "The calculation was tried several times and did not finish. Calculate the day again.",
  UNSUPPORTED_COLUMN: "The database has a column that cannot be read.",
});

/** Say in plain words why a job has failed. @param {import("./types.d.ts").Job} job */
export function failureOf({ error_code: code, error_message: message }) {
  return FAILURES[code ?? ""] ?? `The calculation failed: ${message ?? "no reason is known"}.`;
}

/** Say what happened in plain words. @param {unknown} error */
export function explain(error) {
  if (error instanceof ApiError || error instanceof CsvError) return error.message;
  console.error(error);
  return "The page has an error and cannot show this.";
}
