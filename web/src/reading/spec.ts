/** A model's contract, `NAME.json`, checked as in Python. */

import { MienError } from "./errors";

const SCHEMA = 1;

const LABELS = ["votes", "fer2013", "own"] as const;
export type Labels = (typeof LABELS)[number];

/** What a model takes and returns; the keys are those of the file. */
export interface ModelSpec {
  readonly name: string;
  /** Whose label the model answers with: people's votes, FER2013's own, or that of its training data. */
  readonly labels: Labels;
  readonly onnx_sha256: string;
  /** The ONNX file's name, where it is not the contract's own. */
  readonly file: string | null;
  readonly class_names: readonly string[];
  /** Probabilities are softmax(logits / temperature). */
  readonly temperature: number;
  /** What the logarithms of the probabilities are divided by for the certainty; null where it is unknown. */
  readonly certainty_temperature: number | null;
  /** Below this top probability no emotion is named; null always names one. */
  readonly abstention_threshold: number | null;
  readonly input_name: string;
  readonly output_name: string;
  /** Side of the face crop in pixels. */
  readonly input_size: number;
  readonly crop_margin: number;
  readonly crop_shift_y: number;
}

/**
 * Check a contract.
 *
 * @throws MienError A field is missing or invalid.
 */
export function readSpec(values: unknown): ModelSpec {
  const spec = values as Record<string, unknown>;
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new MienError("model", "error.model.json");
  }
  const fault = faults(spec).find(([holds]) => !holds);
  if (fault !== undefined) {
    throw new MienError("model", "error.model.contract", { name: String(spec.name), fault: fault[1] });
  }
  return {
    name: spec.name as string,
    labels: (spec.labels as Labels | undefined) ?? "own",
    onnx_sha256: spec.onnx_sha256 as string,
    file: (spec.file as string | null | undefined) ?? null,
    class_names: spec.class_names as string[],
    temperature: (spec.temperature as number | undefined) ?? 1,
    certainty_temperature: (spec.certainty_temperature as number | null | undefined) ?? null,
    abstention_threshold: (spec.abstention_threshold as number | null | undefined) ?? null,
    input_name: (spec.input_name as string | undefined) ?? "faces",
    output_name: (spec.output_name as string | undefined) ?? "logits",
    input_size: (spec.input_size as number | undefined) ?? 48,
    crop_margin: (spec.crop_margin as number | undefined) ?? 0,
    crop_shift_y: (spec.crop_shift_y as number | undefined) ?? -0.02,
  };
}

/** List the rules with a message each; optional fields may be undefined. */
function faults(spec: Record<string, unknown>): [boolean, string][] {
  const names = spec.class_names;
  const sha256 = spec.onnx_sha256;
  const within = (value: unknown, low: number, high: number): boolean =>
    value === undefined || (typeof value === "number" && value >= low && value <= high);
  const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
  return [
    [spec.schema === SCHEMA, `schema must be ${SCHEMA}, got ${JSON.stringify(spec.schema)}`],
    [isText(spec.name), "name must be text"],
    [LABELS.includes((spec.labels ?? "own") as Labels), `labels must be ${LABELS.join(" or ")}`],
    [
      Array.isArray(names) && names.length > 1 && names.every(isText) && new Set(names).size === names.length,
      "class_names must be two or more names",
    ],
    [typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256), "onnx_sha256 must be 64 lower-case hex digits"],
    [spec.file === undefined || spec.file === null || (isText(spec.file) && !/[/\\]/.test(String(spec.file))), "file must be a file's name"],
    [within(spec.temperature, Number.MIN_VALUE, Number.MAX_VALUE), "temperature must be above 0"],
    [
      spec.certainty_temperature === null || within(spec.certainty_temperature, Number.MIN_VALUE, Number.MAX_VALUE),
      "certainty_temperature must be above 0 or null",
    ],
    [
      spec.abstention_threshold === null || within(spec.abstention_threshold, 0, 1),
      "abstention_threshold must be in [0, 1] or null",
    ],
    [
      within(spec.input_size, 8, 1024) && Number.isInteger(spec.input_size ?? 48),
      "input_size must be 8 to 1024",
    ],
    [spec.color === undefined || spec.color === "grey", "color must be 'grey'"],
    [spec.scaling === undefined || spec.scaling === "unit", "scaling must be 'unit'"],
    [within(spec.crop_margin, -0.4, 4), "crop_margin must be -0.4 to 4"],
    [within(spec.crop_shift_y, -1, 1), "crop_shift_y must be -1 to 1"],
  ];
}
