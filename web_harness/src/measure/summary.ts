/** What a table or a plot shows of an operation. */

import type { Phase as AnyPhase, Operation } from '../generated/result';
import { PHASES, type Phase } from '../runtime/observer';
import { sum } from './recorder';
import { percentile } from './statistics';

export interface PhaseSummary {
  phase: Phase;
  p50: number;
  p90: number;
  /** Not to be added up: another phase contains it. */
  partOf: AnyPhase | null;
}

/** Percentiles of what a phase takes in one pass, in nanoseconds. */
export function summarise(operation: Operation): PhaseSummary[] {
  return PHASES.flatMap((phase) => {
    const samples = (operation.phases as Record<string, Operation['phases'][string]>)[phase];
    if (samples === undefined) return [];
    const busy = samples.samples_ns.map(sum);
    return [
      {
        phase,
        p50: percentile(busy, 0.5),
        p90: percentile(busy, 0.9),
        partOf: samples.part_of ?? null,
      },
    ];
  });
}
