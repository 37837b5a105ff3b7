import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020';
import { describe, expect, test } from 'vitest';
import { OperationRecorder, Spans } from '../src/measure/recorder';
import { overlapEfficiency, percentile } from '../src/measure/statistics';
import { summarise } from '../src/measure/summary';
import { firstDifference, SymbolRecorder } from '../src/measure/symbols';
import { operation, result } from './samples';

const schema = JSON.parse(
  readFileSync(new URL('../../pico_deploy/measure/result.schema.json', import.meta.url), 'utf8'),
);

describe('percentile', () => {
  test('interpolates as numpy does', () => {
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(percentile([10, 20, 30], 0.9)).toBeCloseTo(28);
    expect(percentile([7], 0.99)).toBe(7);
  });
});

describe('overlapEfficiency', () => {
  test('is 1 when the shorter side is hidden, 0 when nothing overlaps, null when one side did nothing', () => {
    expect(overlapEfficiency(100, 40, 100)).toBe(1);
    expect(overlapEfficiency(100, 40, 140)).toBe(0);
    expect(overlapEfficiency(100, 0, 100)).toBeNull();
  });
});

describe('recorder', () => {
  const spans = new Spans();
  spans.span('analysis', 70);
  spans.span('entropy', 20);
  spans.span('entropy', 10);
  const recorder = new OperationRecorder();
  const apart = { phase: 'scale_indices', partOf: 'entropy', note: 'apart', callsNs: [4] } as const;
  recorder.add(80, spans, { ...apart, callsNs: [4] });
  const found = recorder.operation('none');

  test('keeps every call of every pass', () => {
    expect(found.latency_ns).toEqual([80]);
    expect(found.phases.entropy?.samples_ns).toEqual([[20, 10]]);
    expect(found.overlap_efficiency).toEqual([(70 + 30 - 80) / 30]);
  });

  test('marks what was timed apart, so that nobody adds it up', () => {
    expect(found.phases.scale_indices?.part_of).toBe('entropy');
  });

  test('summary takes the total of each pass', () => {
    const entropy = summarise(operation()).find((s) => s.phase === 'entropy');
    expect(entropy?.p50).toBe(30);
  });
});

describe('result', () => {
  const validate = new Ajv({ strict: false }).compile(schema);

  test('fits the schema that all harnesses share', () => {
    expect(validate(result()), JSON.stringify(validate.errors)).toBe(true);
  });

  test('the recorder makes what the schema wants', () => {
    const recorder = new OperationRecorder();
    const spans = new Spans();
    spans.span('synthesis', 3);
    recorder.add(5, spans, { phase: 'scale_indices', partOf: 'entropy', note: '', callsNs: [] });
    const [run] = result().runs;
    const made = { ...result(), runs: [{ ...run, decode: recorder.operation('none') }] };
    expect(validate(made), JSON.stringify(validate.errors)).toBe(true);
  });

  test.each([
    [{ ...result(), provenance: 'measured' }],
    [{ ...result(), extra: 1 }],
    [{ ...result(), workload: { ...result().workload, pixels_sha256: 'no' } }],
  ])('a result that is none does not fit (%#)', (wrong) => {
    expect(validate(wrong)).toBe(false);
  });
});

describe('symbols', () => {
  const record = (...y: number[]): SymbolRecorder => {
    const recorder = new SymbolRecorder();
    recorder.symbols(0, Float32Array.of(1, -2), Float32Array.from(y));
    return recorder;
  };

  test('agree when they are the same', () => {
    expect(firstDifference(record(3, -4), record(3, -4))).toBeNull();
  });

  test('one wrong symbol is found and named', () => {
    expect(firstDifference(record(3, -4), record(3, 4))).toBe(
      'symbol 1 of y in tile 0 is 4 instead of -4',
    );
  });

  test('a missing tile is found', () => {
    expect(firstDifference(record(1), new SymbolRecorder())).toContain('not decoded');
  });

  test.each([0.5, Number.NaN, 200])('%d is no symbol', (value) => {
    expect(() => record(value)).toThrow('no integer within ±127');
  });
});
