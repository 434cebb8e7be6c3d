/** Requests to the services. */

const RETRIED = new Set([408, 409, 429, 502, 503, 504]);
const RETRY_MS = 60_000; // a cold start may take half of it
const AWAY = "The service does not respond. Try again in a few minutes.";
const ATTEMPT_MS = 35_000;

/** A response that is an error, or none at all (status 0). The message is in plain words. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Wait; rejects when the signal is aborted.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
export function delay(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => (clearTimeout(timer), reject(signal.reason));
    const timer = setTimeout(() => (signal.removeEventListener("abort", stop), resolve(undefined)), ms);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** The services submit, status and list. The key is kept here only. */
export class Api {
  #key = "";
  #config;

  /**
   * @param {import("./types.d.ts").Services} config
   * @param {(isRefused: boolean) => Promise<string>} askForKey  Called when the service answers 401.
   * @param {(waiting: boolean) => void} onWait  Called while a request is being repeated.
   */
  constructor(config, askForKey, onWait) {
    this.#config = config;
    this.askForKey = askForKey;
    this.onWait = onWait;
  }

  /**
   * Return the devices that have fixes; `as_of` is null as long as the service does not know them.
   * @param {AbortSignal} signal
   * @returns {Promise<{devices: {device_id: string, last_fix_at: string}[], as_of: string?}>}
   */
  devices(signal) {
    return this.#json("list_url", "GET", "devices", { signal });
  }

  /**
   * @param {Record<string, string>} filter
   * @param {AbortSignal} signal
   * @returns {Promise<{jobs: import("./types.d.ts").Job[], total_count: number, next_offset: number?}>}
   */
  jobs(filter, signal) {
    return this.#json("list_url", "GET", `jobs?${new URLSearchParams(filter)}`, { signal });
  }

  /** @param {string} jobId @param {AbortSignal} signal @returns {Promise<import("./types.d.ts").Job>} */
  job(jobId, signal) {
    return this.#json("status_url", "GET", `jobs/${encodeURIComponent(jobId)}`, { signal });
  }

  /** Delete a job. It is no error if it does not exist. @param {string} jobId @param {AbortSignal} signal */
  async delete(jobId, signal) {
    await this.#send("status_url", "DELETE", `jobs/${encodeURIComponent(jobId)}`, { signal }).catch((error) => {
      if (error.status !== 404) throw error;
    });
  }

  /**
   * Return the numbers of the days that have a result, both ends included, at most 366 days.
   * @param {string} device @param {string} from @param {string} to @param {AbortSignal} signal
   * @returns {Promise<import("./types.d.ts").DayRow[]>}
   */
  async days(device, from, to, signal) {
    const query = new URLSearchParams({ device_id: device, from, to });
    return (await this.#json("list_url", "GET", `days?${query}`, { signal })).days;
  }

  /**
   * Submit a job. It is submitted once, however often the request is repeated.
   * @param {string} device
   * @param {string} date
   * @param {AbortSignal} signal
   * @returns {Promise<import("./types.d.ts").Job>}
   */
  submit(device, date, signal) {
    const key = [...crypto.getRandomValues(new Uint32Array(4))].join("-"); // crypto.randomUUID needs HTTPS
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    const body = JSON.stringify({ date, device_id: device });
    return this.#json("submit_url", "POST", "calculate", { headers, body, signal });
  }

  /**
   * Return a job once it has completed or failed.
   * @param {string} jobId
   * @param {AbortSignal} signal
   * @param {(job: import("./types.d.ts").Job) => void} onChange
   */
  async follow(jobId, signal, onChange) {
    for (;;) {
      const response = await this.#send("status_url", "GET", `jobs/${encodeURIComponent(jobId)}`, { signal });
      const job = await response.json();
      onChange(job);
      if (job.status === "completed" || job.status === "failed") return job;
      await delay(1000 * (Number(response.headers.get("Retry-After")) || 1), signal);
    }
  }

  /**
   * Read a CSV by its presigned URL, which needs no credentials. Returns the response of storage in any status.
   * @param {string} url
   * @param {AbortSignal} signal
   */
  async csv(url, signal) {
    try {
      return await fetch(url, { signal, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError(0, "The positions of the day could not be loaded: the storage does not respond.");
    }
  }

  /**
   * @param {keyof import("./types.d.ts").Services} base
   * @param {string} method @param {string} path @param {RequestInit} init
   */
  async #json(base, method, path, init) {
    const response = await this.#send(base, method, path, init);
    return response.json();
  }

  /**
   * Send a request, and repeat it while the service is away or starts, for a minute.
   * @param {keyof import("./types.d.ts").Services} base
   * @param {string} method
   * @param {string} path
   * @param {RequestInit} init
   */
  async #send(base, method, path, init) {
    const root = this.#config[base];
    const url = new URL(`api/distance/${path}`, root ? `${root.replace(/\/$/, "")}/` : document.baseURI);
    const signal = /** @type {AbortSignal} */ (init.signal);
    let [attempt, started] = [0, Date.now()];
    try {
      for (;;) {
        const key = this.#key;
        const response = await this.#attempt(url, { ...init, method }, signal);
        if (response?.status === 401) {
          if (key === this.#key) this.#key = await this.askForKey(Boolean(key));
          [attempt, started] = [0, Date.now()];
          continue;
        }
        if (response?.ok) return response;
        if (response && !RETRIED.has(response.status)) throw new ApiError(response.status, await errorMessage(response));
        const pause = Number(response?.headers.get("Retry-After")) * 1000 || Math.min(500 * 2 ** attempt++, 8000);
        const isOver = Date.now() - started + pause > RETRY_MS;
        if (isOver) throw new ApiError(response?.status ?? 0, response ? AWAY : silence(url));
        this.onWait(true);
        await delay(pause, signal);
      }
    } finally {
      this.onWait(false);
    }
  }

  /** Returns null if there is no response. @param {URL} url @param {RequestInit} init @param {AbortSignal} signal */
  async #attempt(url, init, signal) {
    const token = this.#key.split(".").length === 3;
    const credentials = token ? { Authorization: `Bearer ${this.#key}` } : { "X-API-Key": this.#key };
    const headers = { ...init.headers, ...(this.#key ? credentials : {}) };
    try {
      return await fetch(url, { ...init, headers, signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]) });
    } catch (error) {
      if (signal.aborted) throw error;
      return null;
    }
  }
}

/** Say why there may be no response. A browser does not tell a page which of the reasons it is. @param {URL} url */
function silence(url) {
  if (url.origin === location.origin) return AWAY;
  return `${url.origin} does not respond, or its setting CORS_ORIGINS does not have ${location.origin}.`;
}

/** @param {Response} response */
async function errorMessage(response) {
  const body = await response.json().catch(() => null);
  const message = body?.error?.message;
  if (response.status === 403) return "This key does not allow it.";
  const { origin, pathname } = new URL(response.url);
  const isJob = body?.error?.code === "NOT_FOUND" && pathname.includes("/api/distance/jobs/");
  if (response.status === 404) return isJob ? "The job does not exist any more." : `There is no such API at ${origin}.`;
  if (response.status < 500 && typeof message === "string") return `The request was refused: ${message}.`;
  return `The service failed (${response.status}). Try again; its log has the reason.`;
}
