/** Symbols of an image and their hash: tile by tile `z`, then `y`, as int8. */

import type { Core } from '../core/core';
import { toInt8 } from '../core/model';
import type { Observer } from '../runtime/observer';

export class SymbolRecorder implements Observer {
  readonly tiles: { z: Int8Array; y: Int8Array }[] = [];

  symbols(tile: number, z: Float32Array, y: Float32Array): void {
    this.tiles[tile] = { z: toInt8(z, `z of tile ${tile}`), y: toInt8(y, `y of tile ${tile}`) };
  }

  /** Of all tiles, one after the other. */
  all(): Int8Array<ArrayBuffer> {
    const arrays = this.tiles.flatMap(({ z, y }) => [z, y]);
    const joined = new Int8Array(arrays.reduce((sum, array) => sum + array.length, 0));
    let at = 0;
    for (const array of arrays) {
      joined.set(array, at);
      at += array.length;
    }
    return joined;
  }

  sha256(core: Core): string {
    return core.sha256(new Uint8Array(this.all().buffer));
  }
}

/** Where two images' symbols first differ, for people; null when they agree. */
export function firstDifference(expected: SymbolRecorder, found: SymbolRecorder): string | null {
  const count = Math.max(expected.tiles.length, found.tiles.length);
  for (let tile = 0; tile < count; tile++) {
    const sent = expected.tiles[tile];
    const got = found.tiles[tile];
    if (sent === undefined || got === undefined)
      return `tile ${tile} is ${got === undefined ? 'not decoded' : 'decoded but not sent'}`;
    for (const name of ['z', 'y'] as const) {
      const at = sent[name].findIndex((value, i) => value !== got[name][i]);
      if (at >= 0)
        return `symbol ${at} of ${name} in tile ${tile} is ${got[name][at]} instead of ${sent[name][at]}`;
    }
  }
  return null;
}
