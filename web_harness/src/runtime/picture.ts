/** Pixels in memory: 8-bit RGB, rows packed. */

import { PicoError } from '../errors';

export interface Picture {
  name: string;
  source: 'file' | 'synthetic';
  width: number;
  height: number;
  rgb: Uint8Array;
}

export function rgbFromRgba(rgba: Uint8ClampedArray, pixels: number): Uint8Array {
  const rgb = new Uint8Array(3 * pixels);
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += 4) {
    rgb[to++] = rgba[from] as number;
    rgb[to++] = rgba[from + 1] as number;
    rgb[to++] = rgba[from + 2] as number;
  }
  return rgb;
}

export function rgbaFromRgb(rgb: Uint8Array, pixels: number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let i = 0, from = 0, to = 0; i < pixels; i++, to += 4) {
    rgba[to] = rgb[from++] as number;
    rgba[to + 1] = rgb[from++] as number;
    rgba[to + 2] = rgb[from++] as number;
  }
  return rgba;
}

/** Peak signal to noise ratio over all samples, in dB; Infinity when equal. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length)
    throw new PicoError('verification-failed', 'pictures of different sizes cannot be compared');
  let total = 0;
  for (let i = 0; i < a.length; i++) total += ((a[i] as number) - (b[i] as number)) ** 2;
  return total === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(255 ** 2 / (total / a.length));
}

/** Octaves of smooth noise and slowly changing colour, from integers: the same on every machine. */
export function synthetic(width: number, height: number, seed = 1): Picture {
  const rgb = new Uint8Array(3 * width * height);
  const planes = [
    { period: 256, weight: 64, random: generator(seed) },
    { period: 32, weight: 24, random: generator(seed + 1) },
    { period: 5, weight: 10, random: generator(seed + 2) },
  ].map(({ period, weight, random }) => ({
    weight,
    at: valueNoise(width, height, period, random),
  }));
  const tints = [0, 1, 2].map((i) => valueNoise(width, height, 192, generator(seed + 3 + i)));
  let to = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      let luma = 128;
      for (const { weight, at } of planes) luma += (weight * (at(row, column) - 128)) >> 7;
      for (const tint of tints) {
        const value = luma + ((20 * (tint(row, column) - 128)) >> 7);
        rgb[to++] = Math.min(255, Math.max(0, value));
      }
    }
  return { name: 'synthetic photo-like image', source: 'synthetic', width, height, rgb };
}

/** Marsaglia's xorshift: 0...255. */
function generator(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 11) & 255;
  };
}

/** Bilinear interpolation of random values on a grid: 0...255. */
function valueNoise(
  width: number,
  height: number,
  period: number,
  random: () => number,
): (row: number, column: number) => number {
  const across = Math.floor(width / period) + 2;
  const values = Uint8Array.from({ length: across * (Math.floor(height / period) + 2) }, random);
  return (row, column) => {
    const i = Math.floor(row / period);
    const j = Math.floor(column / period);
    const a = row - i * period;
    const b = column - j * period;
    const at = i * across + j;
    const top = (values[at] as number) * (period - b) + (values[at + 1] as number) * b;
    const next = at + across;
    const bottom = (values[next] as number) * (period - b) + (values[next + 1] as number) * b;
    return Math.floor((top * (period - a) + bottom * a) / (period * period));
  };
}
