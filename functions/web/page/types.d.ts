/** The types of the page. Responses of the API have more fields than those listed; the page ignores them. */

/** The base URL of each service; null if it is that of the page. */
export type Services = Record<"submit_url" | "status_url" | "list_url", string | null>;
export type Config = Services & { map_tiles_url: string | null; map_attribution: string | null; timezone: string };
export type JobState = "queued" | "processing" | "completed" | "failed";
export type Filter = Record<string, string>;

export interface Job {
  job_id: string;
  status: JobState;
  date: string;
  device_id: string;
  timezone?: string;
  queued_at: string;
  completed_at?: string;
  result?: Result;
  error_code?: string;
  error_message?: string;
}

export interface Result {
  csv_download_url: string | null;
  csv_download_expires_at: string | null;
  csv_size_bytes: number;
  total_locations: number;
  max_distance_km: number;
  path_length_km: number;
  away_minutes: number;
  rejected_locations: number;
  analysis?: Analysis | null;
}

export interface Analysis {
  window_start: string;
  window_end: string;
  parameters: Parameters;
  devices: DeviceAnalysis[];
}

export interface Parameters {
  away_threshold_km: number;
  gap_seconds: number;
  max_accuracy_m: number;
  jump_speed_kmh: number;
  day_column: string;
}

/** The entry of a device without trips and gaps, as a row of days has it. */
export interface DaySummary {
  device_id: string;
  fixes: { read: number; usable: number; rejected: Record<string, number> };
  first_fix_at: string | null;
  last_fix_at: string | null;
  window_minutes: number;
  home_minutes: number;
  away_minutes: number;
  unknown_minutes: number;
  coverage: number;
  distance_from_home_km: { farthest: number | null; farthest_at: string | null };
  path_length_km: { robust: number; raw: number };
  trip_count: number;
  gap_count: number;
}

export interface DeviceAnalysis extends DaySummary {
  trips: Trip[];
  gaps: Gap[];
}

export interface Trip {
  departed_at: string | null;
  returned_at: string | null;
  minutes: number;
  unknown_minutes: number;
  farthest_km: number | null;
  path_length_km: number;
}

export interface Gap {
  from: string;
  to: string;
  minutes: number;
  counted_as: "unknown" | "home" | "away";
}

/** A row of GET /api/distance/days. */
export interface DayRow {
  date: string;
  job_id: string;
  result: Result | null;
  analysis: DaySummary | null;
}

/** A period of time in milliseconds since 1970. */
export interface Span {
  start: number;
  end: number;
}

export type State = "home" | "away" | "unknown" | "undetermined";
export type Period = Span & { state: State };

/** A place in degrees. */
export interface Place {
  latitude: number;
  longitude: number;
}

/** The fixes of a day in order of time; one element of each array is a fix. */
export interface Track {
  /** Milliseconds since 1970. */
  time: Float64Array;
  /** Degrees. */
  latitude: Float64Array;
  /** Degrees. */
  longitude: Float64Array;
  /** Kilometres from home. */
  distance: Float64Array;
  /** Metres; NaN if it is unknown. */
  accuracy: Float64Array;
  /** 1 if the analysis has rejected the fix, else 0. */
  rejected: Uint8Array;
}

/** What the figures and tables of a day show. */
export interface Day {
  job: Job;
  device: string;
  result: Result;
  track: Track;
  /** Null for jobs that are older than the analysis. */
  analysis: DeviceAnalysis | null;
  parameters: Parameters | null;
  window: Span;
  timezone: string;
  periods: Period[];
  /** The span of each trip of the analysis. */
  trips: Span[];
  /** Index of the farthest fix, or -1. */
  farthest: number;
  /** Null if the fixes do not determine it. */
  home: Place | null;
  /** Whether the rejected fixes are known. */
  rejectedKnown: boolean;
}
