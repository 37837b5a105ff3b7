/** The structs of `core/include/pico.h`, in its order and with its names.
 *
 * `native/abi.c` states the same offsets to the compiler; a test compares the two. */

import { Struct } from './layout';

export const FINGERPRINT_SIZE = 16;
export const PIXEL_FINGERPRINT_SIZE = 8;
export const SKIP_AUTO = -1;
export const ELEMENT = { int8: 0, float16: 1, float32: 2 } as const;

export const fault = new Struct({
  what: 'u32',
  index: 'u32',
  tile: 'u32',
  found: 'i64',
  expected: 'i64',
});

export const modelInfo = new Struct({
  fingerprint: { bytes: FINGERPRINT_SIZE },
  payload: 'u32',
  border: 'u32',
  tile: 'u32',
  y_stride: 'u32',
  z_stride: 'u32',
  y_side: 'u32',
  z_side: 'u32',
  y_channels: 'u32',
  z_channels: 'u32',
  y_max: 'u32',
  z_max: 'u32',
  levels: 'u32',
  anchors: 'u32',
  banks: 'u32',
  y_tables: 'u32',
  z_tables: 'u32',
  layers: 'u32',
});

export const grid = new Struct({
  width: 'u32',
  height: 'u32',
  payload: 'u32',
  border: 'u32',
  y_stride: 'u32',
  z_stride: 'u32',
  columns: 'u32',
  rows: 'u32',
  tiles: 'u32',
});

export const extent = new Struct({ rows: 'u32', columns: 'u32' });

export const tensor = new Struct({
  data: 'u32',
  element: 'u32',
  channel: 'i32',
  row: 'i32',
  column: 'i32',
});

export const layout = new Struct({ lanes: 'u32', tiles_per_stream: 'u32' });

export const span = new Struct({ data: 'u32', size: 'u32' });

export const file = new Struct({
  entropy_fingerprint: { bytes: FINGERPRINT_SIZE },
  pixel_fingerprint: { bytes: PIXEL_FINGERPRINT_SIZE },
  grid,
  layout,
  levels: 'u32',
  chunks: 'u32',
  chunk_count: 'u32',
  streams: 'u32',
});

export const image = new Struct({
  version_major: 'u32',
  version_minor: 'u32',
  entropy_fingerprint: { bytes: FINGERPRINT_SIZE },
  pixel_fingerprint: { bytes: PIXEL_FINGERPRINT_SIZE },
  width: 'u32',
  height: 'u32',
  payload: 'u32',
  border: 'u32',
  columns: 'u32',
  rows: 'u32',
  tiles: 'u32',
  layout,
  streams: 'u32',
  chunks: 'u32',
  uniform_level: 'u32',
  levels_offset: 'u32',
  chunk_directory: 'u32',
  stream_directory: 'u32',
  header_size: 'u32',
  header_crc: 'u32',
  file_size: 'u64',
});

export const entry = new Struct({ type: { bytes: 4 }, offset: 'u64', size: 'u32' });

export const rows = new Struct({ data: 'u32', first_row: 'u32', rows: 'u32', stride: 'i32' });
