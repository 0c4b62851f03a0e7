// The shapes that several modules share. What only one module knows is typed where it lives.

/** Half-open: from `start` up to, but not including, `end`; epoch milliseconds. */
export interface Range {
  start: number;
  end: number;
}

export type Zone = 'utc' | 'local';

export interface Filter {
  field: string;
  value: string;
}

/** One HTTP request to the API, as the page sends it and as "copy as curl" shows it. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the root of the API, with its query, for instance `/_ml/anomaly_detectors?pretty`. */
  path: string;
  body?: unknown;
  /** Several bodies, one a line, for `_msearch`. */
  lines?: unknown[];
}

export interface Detector {
  detector_index: number;
  detector_description?: string;
  function: string;
  field_name?: string;
  by_field_name?: string;
  over_field_name?: string;
  partition_field_name?: string;
}

export interface Job {
  job_id: string;
  description?: string;
  groups?: string[];
  create_time?: number;
  results_index_name?: string;
  analysis_config: {
    bucket_span: string;
    detectors: Detector[];
    influencers: string[];
    summary_count_field_name?: string;
    [option: string]: unknown;
  };
  data_description?: { time_field?: string };
  model_plot_config?: { enabled: boolean; terms?: string };
  custom_settings?: {
    custom_urls?: CustomUrl[];
    managed?: boolean;
    [setting: string]: unknown;
  };
  datafeed_config?: Datafeed;
  [field: string]: unknown;
}

export interface CustomUrl {
  url_name: string;
  url_value: string;
  time_range?: string;
}

export interface Datafeed {
  datafeed_id: string;
  job_id: string;
  indices: string[];
  query?: unknown;
  aggregations?: unknown;
  aggs?: unknown;
  runtime_mappings?: unknown;
  script_fields?: unknown;
  [field: string]: unknown;
}

export interface JobStats {
  job_id: string;
  state: string;
  data_counts: Record<string, any>;
  model_size_stats: Record<string, any>;
  node?: { name: string };
  assignment_explanation?: string;
  [field: string]: unknown;
}

export interface DatafeedStats {
  datafeed_id: string;
  state: string;
  assignment_explanation?: string;
  timing_stats?: Record<string, any>;
  running_state?: Record<string, any>;
  [field: string]: unknown;
}

export interface Influence {
  influencer_field_name: string;
  influencer_field_values: string[];
}

export interface Explanation {
  anomaly_type?: string;
  anomaly_length?: number;
  single_bucket_impact?: number;
  multi_bucket_impact?: number;
  anomaly_characteristics_impact?: number;
  lower_confidence_bound?: number;
  typical_value?: number;
  upper_confidence_bound?: number;
  high_variance_penalty?: boolean;
  incomplete_bucket_penalty?: boolean;
  multimodal_distribution?: boolean;
  by_field_first_occurrence?: boolean;
  by_field_relative_rarity?: number;
}

/** An anomaly record as it is stored. */
export interface AnomalyRecord {
  job_id: string;
  timestamp: number;
  bucket_span: number;
  detector_index: number;
  record_score: number;
  initial_record_score: number;
  probability: number;
  multi_bucket_impact?: number;
  is_interim?: boolean;
  function: string;
  function_description?: string;
  field_name?: string;
  actual?: number[];
  typical?: number[];
  by_field_name?: string;
  by_field_value?: string;
  over_field_name?: string;
  over_field_value?: string;
  partition_field_name?: string;
  partition_field_value?: string;
  influencers?: Influence[];
  causes?: AnomalyRecord[];
  anomaly_score_explanation?: Explanation;
  [field: string]: unknown;
}

export interface Annotation {
  id: string;
  index: string;
  seqNo: number;
  primaryTerm: number;
  source: AnnotationSource;
}

export interface AnnotationSource {
  timestamp: number;
  end_timestamp?: number;
  annotation: string;
  job_id: string;
  type: string;
  event?: string;
  create_time?: number;
  create_username?: string;
  modified_time?: number;
  modified_username?: string;
  detector_index?: number;
  [field: string]: unknown;
}

/** Lanes of equal cells: `scores[lane * cells + cell]`, 0 where a cell has no score. */
export interface LaneModel {
  names: string[];
  start: number;
  interval: number;
  cells: number;
  scores: Float32Array;
  /** 1 where a result may still change, one a cell. */
  interim?: Uint8Array;
  /** Worth showing beside a lane's name, one a lane. */
  totals?: { max: number; sum: number }[];
}

/** A series for a chart; all arrays have one entry a point, NaN where there is nothing. */
export interface Series {
  times: Float64Array;
  actual: Float64Array;
  lower: Float64Array;
  upper: Float64Array;
  interval: number;
}

export interface SeriesKey {
  job: string;
  detector: number;
  entities: Filter[];
}

/** What a document of an alert says; times are epoch milliseconds. */
export interface Alert {
  id: string;
  /** What of its rule it is about, for instance a job or an entity; alerts are muted by it. */
  group: string;
  status: string;
  reason: string;
  rule: string;
  ruleId: string;
  job: string;
  score: number | null;
  start: number;
  end: number | null;
  /** The latest bucket with an anomaly. */
  anomaly: number | null;
  duration: number;
  isMuted: boolean;
}

export interface Action {
  id: string;
  group?: string;
  params: Record<string, unknown>;
  connector_type_id?: string;
  [field: string]: unknown;
}

/** An alert rule as the API shows it. */
export interface Rule {
  id: string;
  name: string;
  enabled: boolean;
  rule_type_id: string;
  tags: string[];
  schedule: { interval: string };
  params: Record<string, any>;
  actions: Action[];
  mute_all: boolean;
  muted_alert_ids: string[];
  alert_delay?: { active: number } | null;
  execution_status: { status: string; last_execution_date: string | null; error?: { reason: string; message: string } };
  last_run?: { outcome: string; outcome_msg?: string[] | null; alerts_count: { active: number } };
  [field: string]: unknown;
}

export interface Connector {
  id: string;
  name: string;
  connector_type_id: string;
  config: Record<string, unknown>;
  referenced_by_count: number;
}
