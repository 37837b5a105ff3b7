import { describe, expect, test } from 'vitest';
import { psnr, rgbaFromRgb, rgbFromRgba, synthetic } from '../src/runtime/picture';

describe('pixels', () => {
  test('RGB survives the canvas form', () => {
    const rgb = Uint8Array.of(1, 2, 3, 250, 251, 252);
    const rgba = rgbaFromRgb(rgb, 2);
    expect(Array.from(rgba)).toEqual([1, 2, 3, 255, 250, 251, 252, 255]);
    expect(rgbFromRgba(rgba, 2)).toEqual(rgb);
  });

  test('PSNR of a difference of one everywhere is 48.13 dB, of none infinite', () => {
    const a = new Uint8Array(300).fill(100);
    expect(psnr(a, new Uint8Array(300).fill(101))).toBeCloseTo(48.1308, 3);
    expect(psnr(a, a)).toBe(Number.POSITIVE_INFINITY);
    expect(() => psnr(a, new Uint8Array(3))).toThrow('different sizes');
  });

  test('the synthetic picture is the same every time and no flat colour', () => {
    const one = synthetic(64, 48);
    expect(synthetic(64, 48).rgb).toEqual(one.rgb);
    expect(synthetic(64, 48, 2).rgb).not.toEqual(one.rgb);
    expect(new Set(one.rgb).size).toBeGreaterThan(40);
  });
});
