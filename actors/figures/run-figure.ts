/**
 * What past runs of one thing (an agent, a workflow, a step of one) were like: how many, how many failed and with what, how long
 * those took that went well, and what all of them used. Recording a run is O(1).
 */
import { z } from 'zod';
import type { RunFigures, Spread } from './figures.ts';
import { MovingSketch } from './moving-sketch.ts';

/** One run, when it is over. */
export interface Run {
  /** Absent where it cannot be known: a person was waited for, or the node was away meanwhile. */
  readonly durationMs?: number;
  /** What it failed with; absent where it went well. */
  readonly code?: string;
  readonly usd: number;
  readonly tokens: number;
}

/** What those who choose ask, as of now: evidence that gets old counts for less and less. */
export interface Evidence {
  /** The middle of the durations, ms, and so many runs it stands on. */
  readonly p50Ms: number;
  readonly timed: number;
  /** The middle of what a run cost. */
  readonly usd: number;
  /** Runs that went well and that failed. */
  readonly good: number;
  readonly bad: number;
}

/** Another shape of the record needs another number. */
const FORMAT = 1;
/** Codes that are counted by themselves; the others are counted together. */
const CODES_MAX = 12;
const OTHER = 'other';
/** What an outcome weighs to the next one: half is forgotten after some 35 runs. */
const KEEPS = 0.98;
/** Without new runs, half of what is known counts after this. So whoever did badly is tried again. */
const HALF_LIFE_MS = 60_000;
const P50 = 0.5;
const P90 = 0.9;

const amount = z.number().min(0);
const sketchSchema = z.object({
  zero: amount,
  squares: amount,
  min: amount,
  max: amount,
  first: z.int(),
  buckets: z.array(amount).max(1_000).readonly(),
});
const recordSchema = z.object({
  format: z.literal(FORMAT),
  runs: z.int().min(0),
  failures: z.int().min(0),
  codes: z.record(z.string(), z.int().min(0)),
  good: amount,
  bad: amount,
  lastAtMs: amount,
  durationMs: sketchSchema,
  usd: sketchSchema,
  tokens: sketchSchema,
});

/** The figures of one thing. */
export class RunFigure {
  #runs = 0;
  #failures = 0;
  readonly #codes = new Map<string, number>();
  #good = 0;
  #bad = 0;
  /** When the last run ended, ms since the epoch. */
  lastAtMs = 0;
  readonly #durations: MovingSketch;
  readonly #usd: MovingSketch;
  readonly #tokens: MovingSketch;
  /** Asked for with each choice, and changed by runs alone. */
  #middle: { readonly p50Ms: number; readonly usd: number; readonly timed: number } | undefined;

  constructor(durations = new MovingSketch(), usd = new MovingSketch(), tokens = new MovingSketch()) {
    this.#durations = durations;
    this.#usd = usd;
    this.#tokens = tokens;
  }

  record({ durationMs, code, usd, tokens }: Run, nowMs: number): void {
    this.#runs++;
    this.#good = this.#good * KEEPS + (code === undefined ? 1 : 0);
    this.#bad = this.#bad * KEEPS + (code === undefined ? 0 : 1);
    this.#usd.add(usd);
    this.#tokens.add(tokens);
    // One that fails at once is not fast.
    if (code === undefined && durationMs !== undefined) this.#durations.add(durationMs);
    if (code !== undefined) this.#failed(code);
    this.lastAtMs = nowMs;
    this.#middle = undefined;
  }

  evidence(nowMs: number): Evidence {
    this.#middle ??= {
      p50Ms: this.#durations.quantile(P50),
      usd: this.#usd.quantile(P50),
      timed: this.#durations.samples,
    };
    const { p50Ms, usd, timed } = this.#middle;
    const age = 0.5 ** (Math.max(0, nowMs - this.lastAtMs) / HALF_LIFE_MS);
    return { p50Ms, usd, timed: timed * age, good: this.#good * age, bad: this.#bad * age };
  }

  view(): RunFigures {
    const all = this.#good + this.#bad;
    return {
      runs: this.#runs,
      failures: this.#failures,
      durationMs: spreadOf(this.#durations),
      usd: spreadOf(this.#usd),
      tokens: spreadOf(this.#tokens),
      failureShare: all === 0 ? 0 : this.#bad / all,
      codes: Object.fromEntries(this.#codes),
    };
  }

  /** What is to be stored. */
  pack(): unknown {
    return {
      ...{ format: FORMAT, runs: this.#runs, failures: this.#failures, codes: Object.fromEntries(this.#codes) },
      ...{ good: this.#good, bad: this.#bad, lastAtMs: this.lastAtMs },
      ...{ durationMs: this.#durations.record(), usd: this.#usd.record(), tokens: this.#tokens.record() },
    } satisfies z.infer<typeof recordSchema>;
  }

  /** What was stored; undefined where it cannot be read. */
  static unpack(value: unknown): RunFigure | undefined {
    const parsed = recordSchema.safeParse(value);
    if (!parsed.success) return undefined;
    const { durationMs, usd, tokens, ...counts } = parsed.data;
    const figure = new RunFigure(MovingSketch.of(durationMs), MovingSketch.of(usd), MovingSketch.of(tokens));
    figure.#runs = counts.runs;
    figure.#failures = counts.failures;
    for (const [code, count] of Object.entries(counts.codes).slice(0, CODES_MAX + 1)) figure.#codes.set(code, count);
    figure.#good = counts.good;
    figure.#bad = counts.bad;
    figure.lastAtMs = counts.lastAtMs;
    return figure;
  }

  #failed(code: string): void {
    this.#failures++;
    const counted = this.#codes.has(code) || this.#codes.size < CODES_MAX ? code : OTHER;
    this.#codes.set(counted, (this.#codes.get(counted) ?? 0) + 1);
  }
}

function spreadOf(sketch: MovingSketch): Spread {
  return { p50: sketch.quantile(P50), p90: sketch.quantile(P90), samples: sketch.samples };
}
