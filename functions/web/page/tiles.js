/** Map tiles, for installations that configure a tile server. Positions are kilometres from the centre of the map. */

const RADIUS_KM = 6371;
const RAD = Math.PI / 180;
const MAX_ZOOM = 19;

/** @param {number} latitude in degrees @returns {number} in radians of the equator */
const mercator = (latitude) => Math.asinh(Math.tan(Math.max(-85, Math.min(85, latitude)) * RAD));

/** Web Mercator around a place, with true distances there, and the tiles below it. */
export class Tiles {
  /** @type {Map<string, HTMLImageElement>} */
  #images = new Map();

  /**
   * @param {string} template  URL with {z}, {x} and {y}.
   * @param {import("./types.d.ts").Place} center
   * @param {() => void} onLoad  Called when a tile has arrived.
   */
  constructor(template, center, onLoad) {
    this.template = template;
    this.center = center;
    this.onLoad = onLoad;
    this.radius = RADIUS_KM * Math.cos(center.latitude * RAD); // of the world in the map's kilometres
  }

  /** @param {number} latitude @param {number} longitude */
  project(latitude, longitude) {
    const turn = ((longitude - this.center.longitude + 540) % 360) - 180;
    const north = mercator(latitude) - mercator(this.center.latitude);
    return { east: this.radius * turn * RAD, north: this.radius * north };
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
   * @param {number} scale  Pixels per kilometre.
   * @param {(km: number) => number} x @param {(km: number) => number} y
   */
  draw(context, width, height, scale, x, y) {
    const world = 2 * Math.PI * this.radius;
    const zoom = Math.max(0, Math.min(MAX_ZOOM, Math.round(Math.log2((world * scale) / 256))));
    const count = 2 ** zoom;
    const size = (world * scale) / count;
    const left = x(0) - (this.center.longitude / 360 + 0.5) * count * size;
    const top = y(0) - (0.5 - mercator(this.center.latitude) / (2 * Math.PI)) * count * size;
    for (let column = Math.floor(-left / size); left + column * size < width; column++) {
      for (let row = Math.max(0, Math.floor(-top / size)); row < count && top + row * size < height; row++) {
        const image = this.#image(zoom, ((column % count) + count) % count, row);
        if (image.complete && image.naturalWidth) {
          context.drawImage(image, left + column * size, top + row * size, size + 0.5, size + 0.5);
        }
      }
    }
  }

  /** @param {number} zoom @param {number} column @param {number} row */
  #image(zoom, column, row) {
    const numbers = { z: zoom, x: column, y: row };
    let url = this.template;
    for (const [name, value] of Object.entries(numbers)) url = url.replaceAll(`{${name}}`, String(value));
    let image = this.#images.get(url);
    if (!image) {
      image = new Image();
      image.referrerPolicy = "no-referrer";
      image.onload = this.onLoad;
      image.src = url;
      this.#images.set(url, image);
    }
    return image;
  }
}
