/** The functions of pico.h that the page calls; pointers and sizes are numbers. */

type Call = (...args: number[]) => number;

export interface CoreExports {
  __heap_base: WebAssembly.Global;
  /** Only of the module for threads. */
  __stack_pointer: WebAssembly.Global;
  /** Only of the module that has one of its own. */
  memory: WebAssembly.Memory;
  pico_wasm_cpu_flags: Call;
  pico_kernels_name: Call;
  pico_status_name: Call;
  pico_status_text: Call;
  pico_sha256: (data: number, size: number, digest: number) => void;
  pico_model_memory: Call;
  pico_model_init: Call;
  pico_model_get_info: Call;
  pico_grid_init: Call;
  pico_y_valid: (result: number, grid: number, tile: number) => void;
  pico_z_valid: (result: number, grid: number, tile: number) => void;
  pico_layout_default: (result: number, tiles: number) => void;
  pico_stream_count: Call;
  pico_encode_memory: Call;
  pico_encode_stream: Call;
  pico_file_size: Call;
  pico_file_write: Call;
  pico_parse: Call;
  pico_directory: Call;
  pico_tile_level: Call;
  pico_model_check: Call;
  pico_decode_memory: Call;
  pico_decode_stream: Call;
  pico_scale_memory: Call;
  pico_scale_indices: Call;
  pico_tile_from_pixels: Call;
  pico_tile_to_pixels: Call;
}

/** Functions that are worth a thread: they work on a tile or a group of tiles. */
export type Heavy =
  | 'pico_encode_stream'
  | 'pico_decode_stream'
  | 'pico_scale_indices'
  | 'pico_tile_from_pixels'
  | 'pico_tile_to_pixels';

/** `memory`: the one to share, for the module for threads. */
export async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory | null,
): Promise<CoreExports> {
  const instance = await WebAssembly.instantiate(
    module,
    memory === null ? {} : { env: { memory } },
  );
  return instance.exports as unknown as CoreExports;
}
