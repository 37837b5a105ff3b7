/** From the spans of an encode or decode to the samples of a result. */

import type { Operation, Phase, PhaseSamples, ReadBack } from '../generated/result';
import { type Observer, PHASES } from '../runtime/observer';
import { overlapEfficiency } from './statistics';

const ACCELERATOR_PHASES: ReadonlySet<Phase> = new Set(['analysis', 'synthesis', 'read_back']);

/** Durations of every call in every phase of one pass. */
export class Spans implements Observer {
  readonly callsNs = new Map<Phase, number[]>();

  span(phase: Phase, ns: number): void {
    const calls = this.callsNs.get(phase);
    if (calls === undefined) this.callsNs.set(phase, [ns]);
    else calls.push(ns);
  }

  busyNs(accelerator: boolean): number {
    let total = 0;
    for (const [phase, calls] of this.callsNs)
      if (ACCELERATOR_PHASES.has(phase) === accelerator) total += sum(calls);
    return total;
  }
}

/** A phase that another one contains and that was timed apart, so that it must not be added up. */
export interface Apart {
  phase: Phase;
  partOf: Phase;
  note: string;
  callsNs: number[];
}

interface Pass {
  latencyNs: number;
  spans: Spans;
  apart: Apart;
}

/** Collects passes of one operation and makes its part of the result. */
export class OperationRecorder {
  private readonly passes: Pass[] = [];

  add(latencyNs: number, spans: Spans, apart: Apart): void {
    this.passes.push({ latencyNs, spans, apart });
  }

  /** `readBack`: where the way back from the accelerator's memory was timed. */
  operation(readBack: ReadBack): Operation {
    const phases: Record<string, PhaseSamples> = {};
    for (const phase of PHASES) {
      const samples = this.passes.map((pass) => pass.spans.callsNs.get(phase) ?? []);
      if (samples.some((calls) => calls.length > 0)) phases[phase] = { samples_ns: samples };
    }
    const apart = this.passes[0]?.apart;
    if (apart !== undefined)
      phases[apart.phase] = {
        samples_ns: this.passes.map((pass) => pass.apart.callsNs),
        part_of: apart.partOf,
        note: apart.note,
      };
    return {
      latency_ns: this.passes.map((pass) => pass.latencyNs) as Operation['latency_ns'],
      phases,
      read_back: readBack,
      overlap_efficiency: this.passes.map(({ spans, latencyNs }) =>
        overlapEfficiency(spans.busyNs(true), spans.busyNs(false), latencyNs),
      ),
    };
  }
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
