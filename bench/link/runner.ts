/**
 * Runs measures: within one, every cell is gone through once for each subject, then all of it again, so
 * that a slow minute of the machine hits all of them.
 * @module
 */
import { pause } from './child.ts';
import type { NoiseMeter } from './machine.ts';
import type { Cell, Context, Measure } from './measure.ts';
import { warmRuns } from './options.ts';
import type { Metrics, Sample, SubjectInfo } from './results.ts';
import { placeOf, type Spec, type Subject } from './subject.ts';

/** Between samples, in ms: what is still on its way arrives. */
const SETTLE = 60;

export class Runner {
  readonly samples: Sample[] = [];
  readonly subjects: Map<string, SubjectInfo> = new Map();
  /** Called before each sample is taken, with the name of its measure. */
  begun: (measure: string) => void = () => {};
  readonly #context: Context;
  readonly #noise: NoiseMeter;
  readonly #say: (line: string) => void;
  readonly #begun = Date.now();
  /** Running now, by `Spec.id`. */
  readonly #running = new Map<string, Subject>();
  /** What would not start, by `Spec.id`, and why. */
  readonly #broken = new Map<string, string>();
  #places = 0;

  constructor(context: Context, noise: NoiseMeter, say: (line: string) => void) {
    this.#context = context;
    this.#noise = noise;
    this.#say = say;
  }

  /** Samples that these measures take. */
  count(measures: readonly Measure[]): number {
    const { options } = this.#context;
    let samples = 0;
    for (const measure of measures) {
      const subjects = this.#cells(measure).flatMap((cell) => cell.subjects);
      const warm = warmRuns(options, measure.warm);
      samples += options.runs * subjects.length + warm * subjects.filter(isCompiled).length;
    }
    return samples;
  }

  /** The cells of a measure, with the subjects that are wanted. */
  #cells({ cells }: Measure): Cell[] {
    const { subjects: wanted } = this.#context.options;
    const isWanted = ({ key }: Spec): boolean =>
      wanted.length === 0 || wanted.some((word) => key.includes(word));
    return cells(this.#context).map((cell) => ({
      ...cell,
      subjects: cell.subjects.filter(isWanted),
    }));
  }

  async measure(measure: Measure): Promise<void> {
    const { name } = measure;
    const { options } = this.#context;
    const { runs } = options;
    const warm = warmRuns(options, measure.warm);
    const list = this.#cells(measure);
    // In the order in which tables have them, which is not that of the runs.
    for (const { subjects } of list) {
      for (const { key, label, family } of subjects) this.subjects.set(key, { key, label, family });
    }
    try {
      for (let run = -warm; run < runs; run++) {
        for (const cell of list) {
          const subjects = run < 0 ? cell.subjects.filter(isCompiled) : cell.subjects;
          for (const spec of this.#turn(subjects, run)) await this.#sample(name, cell, spec, run);
        }
      }
    } finally {
      await this.stop();
    }
  }

  /** Of two neither is always the first: A B, B A. */
  #turn(subjects: readonly Spec[], run: number): readonly Spec[] {
    const isBack = this.#context.options.isPaired && run % 2 !== 0;
    return isBack ? subjects.toReversed() : subjects;
  }

  /** A figure of the stack's that needs no other process. */
  note(measure: string, take: () => Metrics): void {
    for (let run = 0; run < this.#context.options.runs; run++) {
      this.#noise.tick();
      const at = (Date.now() - this.#begun) / 1000;
      const sample = { measure, variant: {}, subject: 'callback', run, at, metrics: take() };
      this.samples.push(sample);
      this.#tell(sample, undefined);
    }
  }

  /** End all subjects. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(all.map((subject) => subject.stop()));
  }

  async #sample(measure: string, cell: Cell, spec: Spec, run: number): Promise<void> {
    const { key } = spec;
    this.begun(`${measure}, ${key}`);
    this.#noise.tick();
    let metrics: Metrics = {};
    let error: string | undefined;
    const at = (Date.now() - this.#begun) / 1000;
    try {
      const subject = await this.#get(spec);
      metrics = await cell.take(subject);
    } catch (thrown) {
      error = (thrown as Error).message;
      await this.#drop(spec);
    }
    if (spec.fresh) await this.#drop(spec);
    const { variant } = cell;
    const sample = { measure, variant, subject: key, run, at, metrics };
    if (run >= 0) this.samples.push(error === undefined ? sample : { ...sample, error });
    this.#tell(sample, error);
    await pause(SETTLE);
  }

  async #get(spec: Spec): Promise<Subject> {
    const why = this.#broken.get(spec.id);
    if (why !== undefined) throw new Error(why);
    const running = this.#running.get(spec.id);
    if (running !== undefined && !running.child.isOver) return running;
    try {
      const subject = await spec.start(placeOf(this.#places++));
      this.#running.set(spec.id, subject);
      return subject;
    } catch (error) {
      this.#broken.set(spec.id, `does not start: ${(error as Error).message}`);
      throw error;
    }
  }

  async #drop(spec: Spec): Promise<void> {
    const subject = this.#running.get(spec.id);
    this.#running.delete(spec.id);
    await subject?.stop();
  }

  #tell(sample: Sample, error: string | undefined): void {
    const variant = Object.entries(sample.variant).map(([name, value]) => `${name} ${value}`);
    const figures = Object.entries(sample.metrics)
      .slice(0, 4)
      .map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
    const words = [sample.measure, ...variant, sample.subject].join(', ');
    this.#say(`${words}: ${error ?? figures.join(', ')}`);
  }
}

/** One process for all runs, in which code is compiled as it runs. */
const isCompiled = ({ fresh, family }: Spec): boolean =>
  !fresh && (family === 'stack' || family === 'node');
