/** A photo of the user's as pixels; nothing leaves the machine. */

import { PicoError } from '../errors';
import { type Picture, rgbaFromRgb, rgbFromRgba } from '../runtime/picture';

/** As many pixels as the core's memory holds twice, with room for the rest. */
export const MAX_PIXELS = 50_000_000;

export async function readPhoto(file: File): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw new PicoError(
      'bad-input',
      `${file.name} cannot be read by this browser as a picture; choose a JPEG, PNG or WebP`,
    );
  }
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS)
    throw new PicoError(
      'bad-input',
      `${file.name} has ${Math.round((width * height) / 1e6)} MP, this page takes up to ${MAX_PIXELS / 1e6} MP`,
    );
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null)
    throw new PicoError(
      'out-of-memory',
      `this browser has no memory for a canvas of ${width}×${height}`,
    );
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  canvas.width = 0; // gives its memory back at once, which Safari needs
  return { name: file.name, source: 'file', width, height, rgb: rgbFromRgba(data, width * height) };
}

/** Show pixels on a canvas of the page. */
export function paint(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  rgb: Uint8Array,
): void {
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(rgbaFromRgb(rgb, width * height), width, height);
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
}
