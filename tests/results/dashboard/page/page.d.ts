// The types of the dashboard's page, for the type checker alone: the data as
// results/dashboard/payload.py documents it, and what the modules make of it.

type State = "running" | "complete" | "failed" | "infeasible" | "stopped" | "duplicate";

/** One option of a choice, such as "mbconv" or 3. */
type Option = string | number;

interface Stage {
  operator: string;
  kernel: number;
  stride: number;
  expansion: number;
  channels: number;
  layers: number;
  se_ratio: number;
  activation?: string; // not in the JSON of a stage with SiLU
}

interface Architecture {
  architecture_id: string;
  stem_channels: number;
  stem_stride: number;
  head_channels: number;
  stages: Stage[];
}

/** One choice of a space. */
interface Choice {
  name: string;
  stage: number;
  choice: string;
  options: Option[];
}

interface Space {
  name: string;
  size: number;
  stages: Stage[];
  parameters: Choice[];
}

/** The measurements of a candidate, the backbone or a benched network; null where not known. */
interface Measured {
  accuracy: number | null;
  step_time_s: number | null;
  normalized_step_time: number | null;
  parameters: number | null;
  multiply_adds: number | null;
  peak_memory_bytes: number | null;
  inference_time_s: number | null;
  images_per_s: number | null;
}

type Scalars = Measured & {
  number: number;
  /** The number of the candidate that is trained again; -1 for a training of the backbone. */
  confirms: number | null;
  fidelity: string | null;
  detail: string | null;
  seed: string | null;
  architecture_id: string;
  accuracy_low: number | null;
  accuracy_high: number | null;
  step_time_low_s: number | null;
  step_time_high_s: number | null;
  normalized_low: number | null;
  normalized_high: number | null;
  reference_step_time_s: number | null;
  reference_parameters: number | null;
  epochs: number;
  /** The metric after each epoch, from the first on. */
  curve: (number | null)[];
  training_s: number | null;
  started_at: number | null;
  finished_at: number | null;
  layers: number;
  fused_share: number;
  image_size: number | null;
  batch_size: number | null;
  /** What disturbed the step time. */
  unsteady: string | null;
  /** In short, as F3e4c48x4/2. */
  stages: string;
  /** Of the form own, else null. */
  own_reward: number | null;
};

/** The columns that are numbers. */
type Quantity = {
  [Name in keyof Scalars]: NonNullable<Scalars[Name]> extends number ? Name : never;
}[keyof Scalars];

interface Coded {
  state: State;
  cause: string | null;
  worker: string | null;
  device: string | null;
}

/** The candidates of an answer, one list per column. */
type Columns = { [Name in keyof Scalars]: Scalars[Name][] } & {
  [Name in keyof Coded]: { values: string[]; codes: (number | null)[] };
} & { choices: { [name: string]: (number | null)[] } };

/** A network's training at one fidelity. */
interface Outcome {
  reward: number;
  accuracy: number;
  seconds: number;
}

/** Of a run of nas proxy; the trainings of a network by the fidelity. */
interface Comparison {
  networks: number;
  answer: string;
  sentences: string[];
  proxy_deviation: number | null;
  full_deviation: number | null;
  points: { number: number; proxy?: Outcome[]; full?: Outcome[] }[];
}

/** A candidate that is being trained, as far as the search has heard of it. */
interface Running {
  number: number;
  confirms: number | null;
  fidelity: string | null;
  worker: string | null;
  /** The worker's, as in the terminal. */
  name: string | null;
  started_at: number | null;
  /** That it is to have. */
  epochs: number | null;
  accuracy: number | null;
  /** Epoch, loss, accuracy and elapsed seconds. */
  curve: [number, number, number, number][];
  step_time_s: number | null;
  normalized_step_time: number | null;
  parameters: number | null;
}

interface RunFacts {
  running?: Running[];
  /** Names of the workers, as in the terminal. */
  workers?: { [worker: string]: string };
  standing?: { evaluated: number; planned: number | null; done: string; sentence: string } | null;
  id: number;
  path: string;
  title: string | null;
  version: string;
  whole: boolean;
  problem: string | null;
  warnings: string[];
  created_at: number | null;
  is_searching: boolean | null;
  settings: { budget?: number; until?: number; max_failures?: number; [name: string]: unknown } | null;
  metric: Metric;
  space: Space | null;
  verdict: Verdict | null;
  comparison: Comparison | null;
  notes?: { run: Note; candidates: { [number: string]: Note } };
  /** What accuracy and S/S0 depend on beside the network, by name; equal where the keys are. */
  basis?: { [name: string]: { text: string; key: string } };
  /** What a running search was asked for, and has not met yet. */
  requests?: { stop: boolean; next: Wanted[] };
  forecast: Forecast | null;
  reference: (Measured & { name: string; candidate: number | null }) | null;
}

/** What a run's accuracy is: its metric's name in texts, and in the heads of tables. */
interface Metric {
  title: string;
  short: string;
}

/** When a search will end, and what it will have cost; null without a price. */
interface Forecast {
  /** Unix seconds. */
  ends_at: Ends;
  candidates: number;
  /** Whether the time is up before all candidates are evaluated. */
  is_cut: boolean;
  cost_so_far: number | null;
  cost: Ends | null;
}

/** A network that a search was asked for; null if the space does not have it. */
interface Wanted {
  name: string;
  stages: string | null;
}

/** What people wrote on a run or a candidate. */
interface Note {
  text: string;
  tags: string[];
}

/** What a run's end says about its winner by a reward. */
interface Verdict {
  winner: number;
  objective: Objective;
  sentences: string[];
  warnings: string[];
  /** Options that decide between near-ties, and after a comma the time that takes; or empty. */
  hint: string;
  /** Numbers and chances to be the best, the highest first; null: the noise is not known. */
  chances: [number, number][] | null;
  within_noise: number[] | null;
  expected_reward: number | null;
}

interface RunAnswer extends RunFacts {
  columns: Columns;
}

/** A run as the page keeps it. */
interface Run extends RunFacts {
  label: string;
  candidates: Map<number, Row>;
  isAsked?: boolean;
  isStale?: boolean;
}

/** The logarithms of accuracy, S/S0 and P/P0. */
type Logarithms = [number, number, number];

/** A candidate as the page keeps it, or in the same form a reference, which has a name but no key. */
interface Row extends Partial<Scalars>, Partial<Omit<Coded, "state">> {
  run: Run;
  state: State | "reference";
  logs: Logarithms | null;
  reward: number | null;
  key?: string;
  name?: string;
  choices?: { [name: string]: number | null };
  searched?: string;
}

/** A row of `nas bench --json`. */
type Bench = Omit<Measured, "normalized_step_time"> & {
  name: string;
  normalized_step_time: (number | null)[];
};

interface Timing {
  device: string;
  image_size: number;
  batch_size: number;
  micro_batch_size: number | null;
  is_precise: boolean;
  unsteady: string | null;
}

/** All that the record holds of one candidate. */
interface Detail extends Partial<Omit<Scalars, "curve">>, Partial<Coded> {
  architecture: Architecture;
  /** Epoch, loss, accuracy and elapsed seconds. */
  curve: [number, number, number, number][];
  samples_s: number[];
  reference_samples_s: number[];
  step_time: Timing | null;
  /** The cause of its state in words. */
  reason: string | null;
  /** The last calls that led to an error, and the error. */
  trace: string[];
  phases_s: { [name: string]: number };
  versions: { [name: string]: string };
  proposal: { [name: string]: unknown };
  file_name: string;
  file: object | null;
  commands: { scale: string; train: string };
}

/** How much each choice matters, or why that is not known. */
interface Importance {
  evaluator?: string;
  candidates?: number;
  values?: { [choice: string]: number };
  problem: string | null;
}

/** The answer to api/runs; a report holds all of it. */
interface PageData {
  /** Whether requests to running searches are passed on. */
  has_control: boolean;
  objective: Objective;
  runs: RunAnswer[];
  benches: Bench[];
  details?: { [run: string]: { [number: string]: Detail } };
  importance?: { [run: string]: { [target: string]: Importance } };
}

type Form = "product" | "power" | "absolute" | "own";
type NumberName = "w" | "v" | "T" | "alpha" | "beta";

/** The reward: its form, and the numbers that the form has. */
interface Objective {
  form: Form;
  numbers: { [name in NumberName]?: number };
  /** Whether T is in seconds rather than a multiple of S0. */
  is_in_seconds: boolean;
  /** Of the form own, the name of the user's function. */
  name?: string;
}

type Pair = [number, number];

/** The lower and the upper end. */
type Ends = [number, number];

/** As {@link Ends}; null where there is no limit. */
type Limits = [number | null, number | null];

interface Ranges {
  x: Ends;
  y: Ends;
}

interface ViewState {
  view: string;
  x: string;
  y: string;
  isLog: boolean;
  colour: string;
  size: string;
  w: number | null;
  v: number | null;
  T: number | null;
  alpha: number | null;
  beta: number | null;
  states: Set<string>;
  frontOnly: boolean;
  text: string;
  limits: { [column: string]: Limits };
  hidden: Set<number>;
  zoom: Ranges | null;
  selected: string[];
  /** What the mouse or the keyboard is at. */
  pointed: Row | null;
  sort: string;
  descending: boolean;
  over: string;
  population: string;
  split: string;
  /** Whose axes the parallel coordinates have. */
  stage: string;
}

/** The parts of the view's state that are texts, and those that are switches. */
type Word = {
  [Name in keyof ViewState]: ViewState[Name] extends string ? Name : never;
}[keyof ViewState];
type Flag = {
  [Name in keyof ViewState]: ViewState[Name] extends boolean ? Name : never;
}[keyof ViewState];

/** A quantity that can be on an axis, be a colour or be a column of the table. */
interface Column {
  id: string;
  /** With its unit. */
  label: string;
  /** The label for a menu, and the shortest one. */
  menu?: string;
  short?: string;
  /** In the unit of the label. */
  value: (row: Row) => any;
  format: (value: any) => string;
  /** Of a choice: the place of the option, by which it is limited. */
  place?: (row: Row) => number | null;
  better?: "low" | "high";
  /** The ends of the 95 % interval, in the unit of the label. */
  interval?: (row: Row) => Ends | null;
  /** Why the value may be wrong, or null. */
  doubt?: (row: Row) => string | null;
  /** What stands after the value. */
  mark?: (row: Row) => string;
  isText?: boolean;
  onAxis?: boolean;
}

/** How rows are coloured by a column: values and their colours for text, else the scale's ends. */
interface Colouring {
  of: (row: Row) => string;
  values?: [Option, string][];
  low?: number;
  high?: number;
  /** Whether lower values share the colour of `low`. */
  cut?: boolean;
}

/** A point as drawn, in CSS pixels of the plot. */
interface Point {
  row: Row;
  x: number;
  y: number;
  radius: number;
  /** Whether it is in the strip of rows that have no value on the y axis. */
  inStrip: boolean;
  /** Whether a filter leaves it out. */
  isFaded: boolean;
}

/** Where the plot's axes are, in CSS pixels, and what they show. */
interface Frame {
  columns: [Column, Column];
  outer: DOMRect;
  margin: { l: number; r: number; t: number; b: number };
  ranges: Ranges;
  left: number;
  top: number;
  width: number;
  height: number;
  /** The height of the strip for rows that have no value on the y axis. */
  strip: number;
  toX: (value: number) => number;
  toY: (value: number) => number;
  stripY: (number: number) => number;
  contains: (at: Point) => boolean;
}

interface Model {
  /** Of all runs. */
  rows: Row[];
  /** Those that pass the filters, and those of the same runs that do not. */
  shown: Row[];
  faded: Set<Row>;
  /** Of the runs that are shown, whether they pass the filters or not. */
  ranked: Row[];
  /** The best of these by reward. */
  ranking: Row[];
  /** Why the runs that are shown are not ranked together. */
  refusal: string | null;
  /** The run's own winner, or at another reward the first by reward. */
  winner: Row | null;
  /** By run, in the order of x. */
  fronts: Map<Run, Row[]>;
  /** Of all runs. */
  onFront: Set<Row>;
  references: Row[];
}

/** An open candidate. */
interface Network {
  label: string;
  row: Row;
  detail: Detail;
}

/** From which to which of one number's values the winner stays first, and who wins beyond. */
interface StableRange {
  low: number;
  high: number;
  below: Row | null;
  above: Row | null;
}

type Pen = CanvasRenderingContext2D;
type Child = Node | string | number | null | undefined | false;
type Children = (Child | Child[])[];
type Attributes = { [name: string]: string | number | boolean | null | ((event: any) => void) };
type TagOf<Tag, Map> = Tag extends `${infer Name}.${string}`
  ? TagOf<Name, Map>
  : Tag extends keyof Map
    ? Map[Tag]
    : never;

/** What changed, for schedule.js. */
type Reason =
  | "axes"
  | "controls"
  | "data"
  | "filter"
  | "population"
  | "progress"
  | "reward"
  | "selection"
  | "size"
  | "sort"
  | "view"
  | "zoom";

type Has = (...names: Reason[]) => boolean;

/** The elements that scripts look up by their id in index.html. */
type Ids = { [id in InputId]: HTMLInputElement } & { [id in SelectId]: HTMLSelectElement } & {
  [id in ButtonId]: HTMLButtonElement;
} & { [id in OtherId]: HTMLElement } & {
  cloud: HTMLCanvasElement;
  map: HTMLCanvasElement;
  table: HTMLTableElement;
};
type InputId = "front-only" | "is-log" | "search" | NumberName;
type SelectId = "axis-x" | "axis-y" | "colour" | "over" | "population" | "size" | "split" | "stage";
type ButtonId =
  "clear" | "csv" | "own-numbers" | "save-picture" | "zoom-all" | "zoom-in" | "zoom-out";
type OtherId =
  | "best-so-far"
  | "boxes"
  | "candidate"
  | "distribution"
  | "empty"
  | "endings"
  | "forecasts"
  | "formula"
  | "front-so-far"
  | "volume-so-far"
  | "front-metric"
  | "gone"
  | "importances"
  | "legend"
  | "limits"
  | "notes"
  | "map-ends"
  | "parallel"
  | "parallel-frame"
  | "parallel-handles"
  | "parallel-legend"
  | "parallel-room"
  | "plot-frame"
  | "problems"
  | "ranking"
  | "references"
  | "running"
  | "control"
  | "learning"
  | "learning-curves"
  | "versus"
  | "runs"
  | "said"
  | "settings"
  | "shown"
  | "sliders"
  | "states"
  | "table-frame"
  | "tip"
  | `view-${View}`
  | `${NumberName}-${"band" | "value"}`
  | "comparison"
  | "verdict"
  | "winner"
  | "zoom-box"
  | "workers";
type View = "matters" | "parallel" | "plot" | "progress" | "table";

type MakeElement = <Tag extends string>(
  tag: Tag,
  attributes?: Attributes,
  ...children: Children
) => TagOf<Tag, HTMLElementTagNameMap>;
type MakeDrawn = <Tag extends string>(
  tag: Tag,
  attributes?: Attributes,
  ...children: Children
) => TagOf<Tag, SVGElementTagNameMap>;

/** An axis of a small chart: numbers, or the names of categories, which stand at 0, 1, ... */
interface ChartAxis {
  title: string;
  names?: string[];
  /** By default what the marks need. */
  ends?: Ends;
  fromZero?: boolean;
  /** Whether it counts, as epochs. */
  isWhole?: boolean;
}

interface MarkFacts {
  /** For the legend. */
  name?: string;
  /** A colour, or a variable of the theme. */
  colour: string;
  /** What stands in the tip of the point at a place. */
  tip?: (place: number) => string;
}

type PointSymbol = "disc" | "ring" | "diamond";

interface Points extends MarkFacts {
  kind: "line" | "steps" | "curve" | "points";
  x: number[];
  y: (number | null)[];
  dash?: string | null;
  radius?: number;
  symbol?: PointSymbol | ((place: number) => PointSymbol);
  /** Half the lengths of the bars of the intervals. */
  across?: number[] | null;
  up?: number[] | null;
}

/** Boxes side by side in their categories: the box `order` of `of`. */
interface Boxes extends MarkFacts {
  kind: "boxes";
  order: number;
  of: number;
  x: number[];
  /** The whiskers' ends, the box's and the median between, from below, for each x. */
  quantiles: number[][];
}

/** Many candidates on a canvas, each as a line or as a point. */
interface Crowd extends Omit<MarkFacts, "tip"> {
  kind: "crowd";
  form: "lines" | "points";
  /** Drawn in this order. */
  members: Member[];
  /** Of a line, or a point's radius, in pixels. */
  width: number;
  opacity?: number;
  dash?: number[];
  /** What stands at the end of a line. */
  ending?: Ending;
  /** What stands in the tip of a candidate's value at a place; without it none can be pointed at. */
  say?: (row: Row, place: number) => string;
}

type Ending = "cross" | "square" | "disc";

interface Member {
  row: Row;
  x: number[];
  y: (number | null)[];
}

/** Where a crowd's values are in a chart, in pixels, those of one member after another's. */
interface Placed {
  mark: Crowd;
  /** Where each member's values begin, and the end. */
  starts: Int32Array;
  xs: Float32Array;
  /** Not a number where there is no value. */
  ys: Float32Array;
}

/** One value of a member. */
interface CrowdSpot {
  placed: Placed;
  member: number;
  /** Its place among the member's values. */
  at: number;
  row: Row;
  x: number;
  y: number;
}

/** Candidates that charts draw alike. */
type Group =
  "faded" | "complete" | "failed" | "stopped" | "front" | "running" | "winner" | "selected";

type Mark = Points | Boxes | Crowd;

interface Chart {
  x: ChartAxis;
  y: ChartAxis;
  marks: Mark[];
  /** Opens the candidate that is pressed; without it none can be. */
  open?: (row: Row, beside: boolean, byKey: boolean) => void;
}

/** Where a small chart's axes are, in pixels, and the values of their grid. */
interface ChartFrame {
  left: number;
  top: number;
  width: number;
  height: number;
  outer: { width: number; height: number };
  rows: number[];
  columns: number[];
  toX: (value: number) => number;
  toY: (value: number) => number;
}

/** Where values are in a chart, in pixels. */
type Scales = Pick<ChartFrame, "toX" | "toY">;

/** A place in a chart that has something to say. */
interface Spot {
  x: number;
  y: number;
  text: string;
}

/** An axis of the parallel coordinates. */
interface Dimension {
  /** Of the column that it shows, and that its limits are on. */
  id: string;
  /** What it stands beside, as "stage 2". */
  group: string;
  /** In its group, and alone. */
  title: string;
  label: string;
  isChoice: boolean;
  /** At the bottom and the top. */
  ends: Ends;
  /** Limits are multiples of it; and those set by the keyboard move by so much. */
  step: number;
  keyStep: number;
  ticks: { at: number; text: string }[];
  /** Of a choice the place of its option. */
  value: (row: Row) => number | null;
  text: (value: number | null) => string;
}

/** Where the axes of the parallel coordinates are, in pixels: x by an axis's place, y by a share of it. */
interface ParallelFrame extends Scales {
  outer: { width: number; height: number };
  /** Of titles. */
  rows: number;
  top: number;
  height: number;
  xs: number[];
}
