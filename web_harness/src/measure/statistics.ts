/** The same statistics as `pico_deploy.measure.statistics`, of which a test holds them equal. */

/** Percentile with linear interpolation between order statistics; `share` in 0...1. */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = [...samples].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/** Share of the shorter side of the pipeline that ran while the longer one did; null when one did nothing. */
export function overlapEfficiency(
  acceleratorNs: number,
  coreNs: number,
  latencyNs: number,
): number | null {
  const shorter = Math.min(acceleratorNs, coreNs);
  return shorter <= 0 ? null : (acceleratorNs + coreNs - latencyNs) / shorter;
}
