/** The tables "Trips" and "Gaps". A row selects its span in both figures. */

import { element } from "./dom.js";
import { clock, kilometres, minutes } from "./format.js";

/**
 * Return the tables of a day, for a cursor that they select spans with.
 * @param {import("./cursor.js").Cursor} cursor
 */
export function tablesOf(cursor) {
  const { analysis, timezone, trips: spans } = cursor.day;
  if (!analysis) return [];
  const time = (/** @type {string?} */ text, /** @type {string} */ open) =>
    text === null ? open : clock(Date.parse(text), timezone);
  const trips = analysis.trips.map((trip, index) => ({
    span: spans[index],
    cells: [
      time(trip.departed_at, "before the start"),
      time(trip.returned_at, "not before the end"),
      minutes(trip.minutes) + (trip.unknown_minutes ? `\n${minutes(trip.unknown_minutes)} unknown` : ""),
      kilometres(trip.farthest_km),
      kilometres(trip.path_length_km),
    ],
  }));
  const gaps = analysis.gaps.map((gap) => ({
    span: { start: Date.parse(gap.from), end: Date.parse(gap.to) },
    cells: [time(gap.from, ""), time(gap.to, ""), minutes(gap.minutes), gap.counted_as],
  }));
  return [
    table(cursor, "Trips", "Trip", ["Left home", "Came home", "Away", "Farthest", "Path length"], trips),
    table(cursor, "Gaps", "Gap", ["From", "To", "Length", "Counted as"], gaps),
  ];
}

/**
 * @param {import("./cursor.js").Cursor} cursor
 * @param {string} title
 * @param {string} row
 * @param {string[]} columns
 * @param {{span: import("./types.d.ts").Span, cells: string[]}[]} rows
 */
function table(cursor, title, row, columns, rows) {
  const id = `${title.toLowerCase()}-title`;
  const head = [row, ...columns].map((name) => element("th", { scope: "col" }, name));
  const body = rows.map(({ span, cells }, index) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, `${row} ${index + 1}`);
    const values = cells.map((text) => element("td", {}, text));
    const made = element("tr", {}, element("th", { scope: "row" }, button), ...values);
    made.addEventListener("click", () => cursor.select(cursor.span === span ? null : span));
    cursor.addEventListener("select", () => button.setAttribute("aria-pressed", String(cursor.span === span)));
    return made;
  });
  const content = element("div", { class: "scroll" }, element("table", { "aria-labelledby": id },
    element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)));
  const note = rows.length ? [] : [element("p", { class: "note" }, `No ${title.toLowerCase()}.`)];
  return element("section", {}, element("h2", { id }, title), content, ...note);
}
