/** Positions on the sphere that the service uses. */

const RADIUS_KM = 6371;
const RAD = Math.PI / 180;
const MAX_SAMPLES = 1000;
const MAX_ERROR_KM = 0.02;

/**
 * Return the distance in kilometres, and the offset of b from a as kilometres east and north along that distance.
 * @param {number} latitude1 @param {number} longitude1 @param {number} latitude2 @param {number} longitude2
 * @returns {{distance: number, east: number, north: number}}
 */
export function offset(latitude1, longitude1, latitude2, longitude2) {
  const a1 = latitude1 * RAD;
  const a2 = latitude2 * RAD;
  const turn = (longitude2 - longitude1) * RAD;
  const half = Math.sin((a2 - a1) / 2) ** 2 + Math.cos(a1) * Math.cos(a2) * Math.sin(turn / 2) ** 2;
  const distance = 2 * RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, half)));
  const y = Math.sin(turn) * Math.cos(a2);
  const x = Math.sin(a2 - a1) + 2 * Math.sin(a1) * Math.cos(a2) * Math.sin(turn / 2) ** 2;
  const length = Math.hypot(x, y) || 1;
  return { distance, east: (distance * y) / length, north: (distance * x) / length };
}

/**
 * Return the place at a distance and bearing from a place.
 * @param {import("./types.d.ts").Place} from @param {number} distance in kilometres @param {number} bearing in degrees
 */
export function destination(from, distance, bearing) {
  const [angle, latitude, course] = [distance / RADIUS_KM, from.latitude * RAD, bearing * RAD];
  const sine = Math.sin(latitude) * Math.cos(angle) + Math.cos(latitude) * Math.sin(angle) * Math.cos(course);
  const across = Math.sin(course) * Math.sin(angle) * Math.cos(latitude);
  const turn = Math.atan2(across, Math.cos(angle) - Math.sin(latitude) * sine);
  return { latitude: Math.asin(sine) / RAD, longitude: from.longitude + turn / RAD };
}

/**
 * Return home, which the CSV does not have: the place whose distances from the fixes are those of the CSV.
 * Null if the fixes do not determine it to 20 m, because they are too close together or on a line.
 * @param {import("./types.d.ts").Track} track
 * @returns {import("./types.d.ts").Place?}
 */
export function locateHome(track) {
  const count = track.time.length;
  if (!count) return null;
  let nearest = 0;
  for (let i = 1; i < count; i++) if (track.distance[i] < track.distance[nearest]) nearest = i;
  const step = Math.max(1, Math.floor(count / MAX_SAMPLES));
  const samples = Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step).concat(nearest);
  const far = track.distance[nearest];
  const start = { latitude: track.latitude[nearest], longitude: track.longitude[nearest] };
  // Fixes on a line have two solutions: starts on all sides find both.
  const found = [[0, 0], [far, 0], [-far, 0], [0, far], [0, -far]]
    .map(([east, north]) => fit(track, samples, shift(start, east, north)))
    .filter((home) => home !== null);
  const agree = found.every((home) => {
    return offset(home.latitude, home.longitude, found[0].latitude, found[0].longitude).distance < MAX_ERROR_KM;
  });
  if (found.length && agree) return found[0];
  return far < MAX_ERROR_KM ? start : null;
}

/** @param {import("./types.d.ts").Place} place @param {number} east @param {number} north in kilometres */
function shift(place, east, north) {
  const latitude = Math.max(-90, Math.min(90, place.latitude + north / RADIUS_KM / RAD));
  const longitude = place.longitude + east / RADIUS_KM / RAD / Math.max(0.01, Math.cos(place.latitude * RAD));
  return { latitude, longitude };
}

/**
 * Fit home to the distances by damped least squares.
 * @param {import("./types.d.ts").Track} track @param {number[]} samples @param {import("./types.d.ts").Place} home
 */
function fit(track, samples, home) {
  for (let iteration = 0; iteration < 40; iteration++) {
    let [ee, en, nn, re, rn, squares] = [1e-12, 0, 1e-12, 0, 0, 0];
    for (const i of samples) {
      const { distance, east, north } = offset(home.latitude, home.longitude, track.latitude[i], track.longitude[i]);
      const residual = distance - track.distance[i];
      squares += residual ** 2;
      if (distance < 1e-4) continue;
      const [e, n] = [east / distance, north / distance];
      [ee, en, nn] = [ee + e * e, en + e * n, nn + n * n];
      [re, rn] = [re + e * residual, rn + n * residual];
    }
    const determinant = ee * nn - en * en;
    const east = (re * nn - rn * en) / determinant;
    const north = (rn * ee - re * en) / determinant;
    const length = Math.hypot(east, north);
    if (length < 1e-6) {
      const smallest = (ee + nn - Math.hypot(ee - nn, 2 * en)) / 2;
      const exact = Math.sqrt(squares / samples.length) < 0.001;
      return exact && 1e-4 / Math.sqrt(Math.max(smallest, 1e-12)) < MAX_ERROR_KM ? home : null;
    }
    const limit = Math.max(1, Math.sqrt(squares / samples.length));
    home = shift(home, east * Math.min(1, limit / length), north * Math.min(1, limit / length));
  }
  return null;
}

/**
 * Return the round number (1, 2 or 5 times a power of ten) that is at most `value`.
 * @param {number} value
 */
export function roundDown(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (value / power >= 5 ? 5 : value / power >= 2 ? 2 : 1);
}
