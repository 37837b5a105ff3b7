/** What an encode or decode tells while it runs. */

export const PHASES = [
  'pixels_in',
  'analysis',
  'scale_indices',
  'entropy',
  'synthesis',
  'read_back',
  'pixels_out',
] as const;
export type Phase = (typeof PHASES)[number];

export interface Observer {
  /** A phase worked on a tile (`entropy`: on a group) for so long. */
  span?(phase: Phase, ns: number): void;
  /** Symbols of a tile, in order of the tiles: what analysis emitted, or what the core decoded. */
  symbols?(tile: number, z: Float32Array, y: Float32Array): void;
  /** So many tiles are finished. */
  progress?(done: number, of: number): void;
}
