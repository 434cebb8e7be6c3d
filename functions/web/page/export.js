/** The shown day as GeoJSON and GPX. Both have the fixes that the analysis uses, in segments between the gaps. */

import { saveFile } from "./dom.js";

/** @param {import("./types.d.ts").Day} day */
function segments({ track, parameters }) {
  const longest = (parameters?.gap_seconds ?? Infinity) * 1000;
  /** @type {number[][]} */
  const found = [];
  let last = NaN;
  for (let i = 0; i < track.time.length; i++) {
    if (track.rejected[i]) continue;
    if (!(track.time[i] - last <= longest)) found.push([]);
    found[found.length - 1].push(i);
    last = track.time[i];
  }
  return found;
}

/** @param {import("./types.d.ts").Day} day @returns {string} a feature for each segment (RFC 7946), with `times` */
export function geoJson(day) {
  const { latitude, longitude, time } = day.track;
  const features = segments(day).map((segment) => {
    const places = segment.map((i) => [longitude[i], latitude[i]]);
    const [type, coordinates] = places.length > 1 ? ["LineString", places] : ["Point", places[0]];
    return {
      type: "Feature",
      geometry: { type, coordinates },
      properties: {
        device_id: day.device,
        date: day.job.date,
        times: segment.map((i) => new Date(time[i]).toISOString()),
      },
    };
  });
  return `${JSON.stringify({ type: "FeatureCollection", features })}\n`;
}

/** @param {import("./types.d.ts").Day} day @returns {string} GPX 1.1 with one track */
export function gpx(day) {
  const { latitude, longitude, time } = day.track;
  const lines = segments(day).map((segment) => {
    const points = segment.map((i) =>
      `<trkpt lat="${latitude[i]}" lon="${longitude[i]}"><time>${new Date(time[i]).toISOString()}</time></trkpt>`);
    return `<trkseg>\n${points.join("\n")}\n</trkseg>\n`;
  });
  const name = escapeXml(`${day.device} ${day.job.date}`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="otel-worker" xmlns="http://www.topografix.com/GPX/1/1">
<trk>
<name>${name}</name>
${lines.join("")}</trk>
</gpx>
`;
}

/** @param {string} text */
const escapeXml = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** @param {import("./types.d.ts").Day} day @param {"geojson" | "gpx"} format */
export function saveDay(day, format) {
  const name = `distance_${day.job.date.replaceAll("-", "")}_${day.device}.${format}`;
  if (format === "gpx") saveFile(name, "application/gpx+xml", gpx(day));
  else saveFile(name, "application/geo+json", geoJson(day));
}
