import { describe, expect, test } from 'vitest';
import { onnxArtefact, parseManifest } from '../src/bundle/manifest';
import { manifest } from './samples';

const changed = (change: (data: ReturnType<typeof manifest>) => void): string => {
  const data = manifest();
  change(data);
  return JSON.stringify(data);
};

describe('parseManifest', () => {
  test('reads a manifest', () => {
    expect(parseManifest(JSON.stringify(manifest())).codec).toBe('tiny');
  });

  test.each([
    ['{', 'not JSON'],
    ['[]', 'not an object'],
    [changed((d) => Object.assign(d, { schema_version: 2 })), 'schema version 2'],
    [changed((d) => Object.assign(d, { codec: undefined })), 'codec is missing'],
    [changed((d) => Object.assign(d, { anchor_table: [['x']] })), 'anchor_table'],
    [changed((d) => Object.assign(d.files, { '../secret': d.files['entropy.bin'] })), '../secret'],
    [changed((d) => Object.assign(d.files, { 'entropy.bin': { size: 1 } })), 'entropy.bin'],
    [changed((d) => Object.assign(d.artefacts[0] as object, { inputs: 3 })), 'inputs'],
  ])('refuses %# with one line that names the fault', (text, named) => {
    expect(() => parseManifest(text)).toThrow(named);
    expect(() => parseManifest(text)).not.toThrow('\n');
  });
});

describe('onnxArtefact', () => {
  test('takes the float32 artefact of a part', () => {
    expect(onnxArtefact(manifest(), 'synthesis').path).toBe('onnx/synthesis.onnx');
  });

  test('says what is missing and what to do', () => {
    const none = { ...manifest(), artefacts: [] };
    expect(() => onnxArtefact(none, 'analysis')).toThrow('convert it with --format onnx');
  });
});
