/* The layout of pico.h's structs on wasm32, as src/core/abi.ts reads and writes them. Nothing here runs: the
 * build of the page compiles it, so a field that moves stops the build instead of shifting the page's view. */
#include <stddef.h>

#include "pico.h"

#define SIZE(type, bytes)       _Static_assert(sizeof(type) == (bytes), #type)
#define AT(type, member, bytes) _Static_assert(offsetof(type, member) == (bytes), #type "." #member)

SIZE(pico_fault, 32);
AT(pico_fault, what, 0);
AT(pico_fault, index, 4);
AT(pico_fault, tile, 8);
AT(pico_fault, found, 16);
AT(pico_fault, expected, 24);

SIZE(pico_model_info, 84);
AT(pico_model_info, fingerprint, 0);
AT(pico_model_info, payload, 16);
AT(pico_model_info, border, 20);
AT(pico_model_info, tile, 24);
AT(pico_model_info, y_stride, 28);
AT(pico_model_info, z_stride, 32);
AT(pico_model_info, y_side, 36);
AT(pico_model_info, z_side, 40);
AT(pico_model_info, y_channels, 44);
AT(pico_model_info, z_channels, 48);
AT(pico_model_info, y_max, 52);
AT(pico_model_info, z_max, 56);
AT(pico_model_info, levels, 60);
AT(pico_model_info, anchors, 64);
AT(pico_model_info, banks, 68);
AT(pico_model_info, y_tables, 72);
AT(pico_model_info, z_tables, 76);
AT(pico_model_info, layers, 80);

SIZE(pico_grid, 36);
AT(pico_grid, width, 0);
AT(pico_grid, height, 4);
AT(pico_grid, payload, 8);
AT(pico_grid, border, 12);
AT(pico_grid, y_stride, 16);
AT(pico_grid, z_stride, 20);
AT(pico_grid, columns, 24);
AT(pico_grid, rows, 28);
AT(pico_grid, tiles, 32);

SIZE(pico_extent, 8);
AT(pico_extent, rows, 0);
AT(pico_extent, columns, 4);

SIZE(pico_tensor, 20);
AT(pico_tensor, data, 0);
AT(pico_tensor, element, 4);
AT(pico_tensor, channel, 8);
AT(pico_tensor, row, 12);
AT(pico_tensor, column, 16);

SIZE(pico_layout, 8);
AT(pico_layout, lanes, 0);
AT(pico_layout, tiles_per_stream, 4);

SIZE(pico_span, 8);
AT(pico_span, data, 0);
AT(pico_span, size, 4);

SIZE(pico_file, 84);
AT(pico_file, entropy_fingerprint, 0);
AT(pico_file, pixel_fingerprint, 16);
AT(pico_file, grid, 24);
AT(pico_file, layout, 60);
AT(pico_file, levels, 68);
AT(pico_file, chunks, 72);
AT(pico_file, chunk_count, 76);
AT(pico_file, streams, 80);

SIZE(pico_image, 112);
AT(pico_image, version_major, 0);
AT(pico_image, version_minor, 4);
AT(pico_image, entropy_fingerprint, 8);
AT(pico_image, pixel_fingerprint, 24);
AT(pico_image, width, 32);
AT(pico_image, height, 36);
AT(pico_image, payload, 40);
AT(pico_image, border, 44);
AT(pico_image, columns, 48);
AT(pico_image, rows, 52);
AT(pico_image, tiles, 56);
AT(pico_image, layout, 60);
AT(pico_image, streams, 68);
AT(pico_image, chunks, 72);
AT(pico_image, uniform_level, 76);
AT(pico_image, levels_offset, 80);
AT(pico_image, chunk_directory, 84);
AT(pico_image, stream_directory, 88);
AT(pico_image, header_size, 92);
AT(pico_image, header_crc, 96);
AT(pico_image, file_size, 104);

SIZE(pico_entry, 24);
AT(pico_entry, type, 0);
AT(pico_entry, offset, 8);
AT(pico_entry, size, 16);

SIZE(pico_rows, 16);
AT(pico_rows, data, 0);
AT(pico_rows, first_row, 4);
AT(pico_rows, rows, 8);
AT(pico_rows, stride, 12);
