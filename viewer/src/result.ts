/** What of result.json (docs/reference/result-schema.json) the viewer shows. */
import type { Affine } from "./outline";
import type { Vec3 } from "./vector";

export interface Code {
  value: string;
  scheme: string;
  meaning: string;
}

export interface Diameters {
  long: number;
  short: number;
  mean: number;
}

export interface Axes {
  long: [Vec3, Vec3];
  short: [Vec3, Vec3];
}

export interface Category {
  scheme: string;
  version: string;
  value: string;
  rule: string;
  management: string;
  modifier?: string | null;
}

export interface Comparison {
  change: string;
  prior_study_uid: string;
  prior_tracking_uid: string | null;
  prior_date: string | null;
  prior_mean_mm: number | null;
  prior_volume_mm3: number | null;
  interval_days: number | null;
  growth_mm: number | null;
  volume_doubling_days: number | null;
}

export interface Finding {
  id: string;
  concept: Code;
  probability: number;
  laterality: string | null;
  lobe: string | null;
  zone: string | null;
  juxtapleural: boolean | null;
  center_lps_mm: Vec3;
  size_mm: Vec3;
  diameter_mm: Diameters | null;
  axes_lps_mm: Axes | null;
  volume_mm3: number | null;
  attenuation: string | null;
  solid_part_mm: Diameters | null;
  measurements: { concept: Code; value: number; unit: string; method: string }[];
  attributes: { concept: Code; value: Code }[];
  category: Category | null;
  categories: Category[];
  comparison: Comparison | null;
  sop_instance_uid: string;
  frame_number: number | null;
  instance_number: number | null;
  tracking_uid: string;
}

export interface Result {
  notice: string;
  study_uid: string;
  series_uid: string;
  reader: { name: string; version: string };
  grid: { shape: Vec3; affine: Affine } | null;
  warnings: string[];
  category: Category | null;
  impression: string;
  findings: Finding[];
  structures: { name: string; center_lps_mm: Vec3 | null; size_mm: Vec3 | null }[];
  prior: { study_uid: string; study_date: string | null; resolved: string[] } | null;
}
