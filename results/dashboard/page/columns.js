/** What can be on an axis, be a colour or stand in the table. */

import { MISSING, count, duration, fixed, moment, short } from "./format.js";
import * as store from "./store.js";

/** @param {Quantity} name @param {number} [factor] */
const scaled =
  (name, factor = 1) =>
  (/** @type {Row} */ row) =>
    row[name] == null ? null : row[name] * factor;
/** @type {(low: Quantity, high: Quantity, factor?: number) => (row: Row) => Ends | null} */
const interval =
  (low, high, factor = 1) =>
  (row) =>
    row[low] == null || row[high] == null ? null : [row[low] * factor, row[high] * factor];
/** Why a step time may be wrong. @param {Row} row */
const unsteady = (row) => row.unsteady ?? null;
/** @param {unknown} value */
const text = (value) => (value === null ? MISSING : String(value));

/** @type {Column[]} */
const FIXED = [
  {
    id: "number",
    label: "candidate",
    value: (row) => row.number,
    format: text,
    mark: (row) => (store.isBackbone(row) ? " (backbone)" : ""),
  },
  { id: "state", label: "state", value: (row) => row.state, format: text, isText: true },
  {
    id: "reward",
    label: "reward",
    better: "high",
    value: (row) => row.reward,
    format: fixed(4),
    onAxis: true,
  },
  {
    id: "accuracy",
    get label() {
      return `minival ${store.metric().title} (%)`;
    },
    get menu() {
      return `${store.metric().title} (%)`;
    },
    get short() {
      return `${store.metric().title} %`;
    },
    better: "high",
    value: scaled("accuracy", 100),
    interval: interval("accuracy_low", "accuracy_high", 100),
    format: fixed(2),
    onAxis: true,
  },
  {
    id: "step",
    label: "training step time, relative to the backbone",
    menu: "step time (S/S0)",
    short: "S/S0",
    better: "low",
    value: scaled("normalized_step_time"),
    interval: interval("normalized_low", "normalized_high"),
    doubt: unsteady,
    format: fixed(3),
    onAxis: true,
  },
  {
    id: "step_ms",
    label: "training step time (ms)",
    menu: "step time (ms)",
    short: "step ms",
    better: "low",
    value: scaled("step_time_s", 1000),
    interval: interval("step_time_low_s", "step_time_high_s", 1000),
    doubt: unsteady,
    format: fixed(1),
    onAxis: true,
  },
  {
    id: "parameters",
    label: "parameters",
    better: "low",
    value: scaled("parameters"),
    format: count,
    onAxis: true,
  },
  {
    id: "multiply_adds",
    label: "multiply-adds per image",
    menu: "multiply-adds",
    short: "multiply-adds",
    better: "low",
    value: scaled("multiply_adds"),
    format: short,
    onAxis: true,
  },
  {
    id: "memory",
    label: "peak memory of a training step (MB)",
    menu: "memory (MB)",
    short: "memory MB",
    better: "low",
    value: scaled("peak_memory_bytes", 1e-6),
    format: fixed(1),
    onAxis: true,
  },
  {
    id: "throughput",
    label: "training throughput (images/s)",
    menu: "throughput (images/s)",
    short: "images/s",
    better: "high",
    value: scaled("images_per_s"),
    format: count,
    onAxis: true,
  },
  {
    id: "inference",
    label: "inference time of one image (ms)",
    menu: "inference time (ms)",
    short: "inference ms",
    better: "low",
    value: scaled("inference_time_s", 1000),
    format: fixed(2),
    onAxis: true,
  },
  { id: "layers", label: "layers", value: scaled("layers"), format: count, onAxis: true },
  {
    id: "fused",
    label: "operator mix: layers that are fused MBConv (%)",
    menu: "operator mix",
    short: "fused %",
    value: scaled("fused_share", 100),
    format: fixed(0),
    onAxis: true,
  },
  {
    id: "training",
    label: "proxy training (s)",
    short: "training s",
    value: scaled("training_s"),
    format: fixed(1),
    onAxis: true,
  },
  { id: "unsteady", label: "unsteady", value: unsteady, format: text, isText: true },
  { id: "epochs", label: "epochs", value: scaled("epochs"), format: count },
  {
    id: "image_size",
    label: "image size (px)",
    short: "image px",
    value: scaled("image_size"),
    format: count,
  },
  { id: "cause", label: "cause", value: (row) => row.cause, format: text, isText: true },
  { id: "run", label: "run", value: (row) => row.run.label, format: text, isText: true },
  {
    id: "worker",
    label: "worker",
    value: (row) => row.run.workers?.[row.worker] ?? row.worker,
    format: text,
    isText: true,
  },
  { id: "device", label: "device", value: (row) => row.device, format: text, isText: true },
  { id: "finished", label: "finished", value: (row) => row.finished_at, format: moment },
  {
    id: "took",
    label: "took",
    value: (row) => row.finished_at && row.finished_at - row.started_at,
    format: duration,
  },
  {
    id: "stages",
    label: "stages",
    value: (row) => row.stages,
    format: text,
    isText: true,
  },
  {
    id: "architecture_id",
    label: "architecture",
    value: (row) => row.architecture_id,
    format: text,
    isText: true,
  },
];

/** @returns {Column[]} those of every run, and the choices of the runs' spaces */
export function all() {
  return [...FIXED, ...store.parameters().map(choiceColumn)];
}

/** @param {Choice} parameter @returns {Column} */
function choiceColumn(parameter) {
  return {
    id: parameter.name,
    label: parameter.name.replace(".", " "),
    value: (row) => store.chosen(row, parameter),
    place: (row) => store.placeOf(row, parameter),
    format: text,
    isText: true,
  };
}

/** @param {string} id */
export function find(id) {
  return FIXED.find((column) => column.id === id) ?? all().find((column) => column.id === id);
}

/** @param {Column} column */
export const title = (column) => column.short ?? column.label;

/**
 * Why a row's value may be wrong; null if nothing is known against it.
 * @param {Column} column @param {Row} row
 */
export const doubt = (column, row) =>
  column.value(row) === null ? null : (column.doubt?.(row) ?? null);

/** A row's value, after a ~ where it may be wrong. @param {Column} column @param {Row} row */
export const written = (column, row) =>
  (doubt(column, row) === null ? "" : "~") +
  column.format(column.value(row)) +
  (column.mark?.(row) ?? "");

/** The ends of a row's 95 % interval, as 46.4 to 50.8; null without one. @param {Column} column @param {Row} row */
export function interval95(column, row) {
  const ends = column.interval?.(row);
  return ends ? ends.map(column.format).join(" to ") : null;
}

/** @returns {Column[]} those that a plot can have on an axis */
export const axes = () => FIXED.filter((column) => column.onAxis);
