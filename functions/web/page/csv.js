/** Parse the CSV of a job. */

const COLUMNS = ["timestamp", "device_id", "latitude", "longitude", "distance_from_home_km", "accuracy"];

/** A CSV that is not what the service writes. The message is in plain words. */
export class CsvError extends Error {}

/**
 * Return the fixes of a device in a CSV, in order of time. Columns are found by name, and unknown ones are ignored.
 * Throws CsvError for a text that is empty, cut, or without the columns.
 * @param {string} text
 * @param {string} device
 * @returns {import("./types.d.ts").Track}
 */
export function parseCsv(text, device) {
  if (!text) throw new CsvError("The CSV file is empty.");
  if (!text.endsWith("\n")) throw new CsvError("The CSV file is incomplete: its end is missing.");
  const [names, start] = readRow(text, text.startsWith("\ufeff") ? 1 : 0);
  const at = COLUMNS.map((name) => names.indexOf(name));
  if (at.some((index) => index < 0)) throw new CsvError("The CSV file does not have the expected columns.");
  const [timeAt, deviceAt, latitudeAt, longitudeAt, distanceAt, accuracyAt] = at;
  /** @type {number[][]} */
  const columns = [[], [], [], [], []];
  for (let offset = start; offset < text.length; ) {
    const [row, next] = readRow(text, offset);
    offset = next;
    if (row.length !== names.length) throw new CsvError("The CSV file has a row that is incomplete.");
    if (row[deviceAt] !== device) continue;
    const values = [Date.parse(row[timeAt]), +row[latitudeAt], +row[longitudeAt], +row[distanceAt]];
    if (!values.every(Number.isFinite)) throw new CsvError("The CSV file has a row that is not a position.");
    values.forEach((value, column) => columns[column].push(value));
    columns[4].push(row[accuracyAt] === "" ? NaN : +row[accuracyAt]);
  }
  const [time, latitude, longitude, distance, accuracy] = sorted(columns).map((column) => Float64Array.from(column));
  return { time, latitude, longitude, distance, accuracy, rejected: new Uint8Array(time.length) };
}

/** Return the columns in order of the first one. @param {number[][]} columns */
function sorted(columns) {
  const times = columns[0];
  if (times.every((time, index) => index === 0 || times[index - 1] <= time)) return columns;
  const order = times.map((_, index) => index).sort((a, b) => times[a] - times[b]);
  return columns.map((column) => order.map((index) => column[index]));
}

/**
 * Return the cells of the row at an offset, and the offset of the next row.
 * @param {string} text
 * @param {number} offset
 * @returns {[string[], number]}
 */
function readRow(text, offset) {
  let end = text.indexOf("\n", offset);
  if (end < 0) end = text.length;
  const line = text.slice(offset, end);
  if (!line.includes('"')) return [line.split(","), end + 1];
  const cells = [];
  for (let at = offset; ; at++) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (at >= text.length) throw new CsvError("The CSV file is incomplete: a quote is not closed.");
        if (text[at] === '"') at++;
        cell += text[at];
      }
      at++;
    } else {
      for (; at < text.length && text[at] !== "," && text[at] !== "\n"; at++) cell += text[at];
    }
    cells.push(cell);
    if (text[at] !== ",") return [cells, at + 1];
  }
}
