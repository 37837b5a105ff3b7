/* Reading entropy.bin, whose author may be anybody. One pass checks every field, table and bound; nothing is
 * stored that was not compared with its limit first, so sizes derived from it fit 32 bits. Syntax:
 * docs/bitstream.md, section 8. */
#include "bytes.h"
#include "model.h"

static int is_power_of_two(uint32_t v) {
    return v != 0 && (v & (v - 1)) == 0;
}

static pico_status check_range(pico_fault *fault, pico_status status, const char *what, uint32_t value,
                               uint32_t low, uint32_t high) {
    if (value < low) return fail(fault, status, what, 0, value, low);
    if (value > high) return fail(fault, status, what, 0, value, high);
    return PICO_OK;
}

#define CHECK(call)                                                                                          \
    do {                                                                                                     \
        pico_status check_status = (call);                                                                   \
        if (check_status != PICO_OK) return check_status;                                                    \
    } while (0)

static pico_status check_envelope(const uint8_t *data, size_t size, pico_fault *fault) {
    static const uint8_t magic[8] = {'P', 'I', 'C', 'O', 'E', 'N', 'T', 0};
    if (size < 20) return fail(fault, PICO_E_MODEL_FORMAT, "size of the file", 0, (int64_t)size, 20);
    if (size > PICO_MAX_MODEL) {
        return fail(fault, PICO_E_OVER_LIMIT, "size of the file", 0, (int64_t)size, PICO_MAX_MODEL);
    }
    if (!equal_bytes(data, magic, 8)) return fail(fault, PICO_E_MODEL_FORMAT, "magic", 0, data[0], magic[0]);
    if (data[8] != 1) return fail(fault, PICO_E_MODEL_VERSION, "major version", 0, data[8], 1);
    if (read_u32(data + 12) != size) {
        return fail(fault, PICO_E_MODEL_FORMAT, "size of the file", 0, (int64_t)size, read_u32(data + 12));
    }
    uint32_t stored = read_u32(data + size - 4), computed = pico_crc32c(0, data, size - 4);
    if (stored != computed) return fail(fault, PICO_E_MODEL_CHECKSUM, "checksum", 0, computed, stored);
    if (read_u16(data + 10) != 0) {
        return fail(fault, PICO_E_MODEL_FORMAT, "reserved field", 0, read_u16(data + 10), 0);
    }
    return PICO_OK;
}

static pico_status check_geometry(byte_reader *r, model_plan *plan, uint32_t *layers, uint32_t *fraction_bits,
                                  pico_fault *fault) {
    pico_model_info *info = &plan->info;
    info->payload = reader_u16(r);
    info->border = reader_u8(r);
    uint32_t probability_bits = reader_u8(r);
    info->y_stride = reader_u16(r);
    info->z_stride = reader_u16(r);
    info->y_channels = reader_u16(r);
    info->z_channels = reader_u16(r);
    info->levels = reader_u16(r);
    info->y_max = reader_u8(r);
    info->z_max = reader_u8(r);
    *fraction_bits = reader_u8(r);
    *layers = reader_u8(r);
    info->y_tables = reader_u8(r);
    info->z_tables = reader_u8(r);
    info->anchors = reader_u8(r);
    info->banks = reader_u8(r);
    plan->bank_tables = reader_u8(r);
    uint32_t reserved = reader_u8(r);
    if (!r->ok) return fail(fault, PICO_E_MODEL_FORMAT, "geometry is cut short", 0, 0, 0);

    const pico_status bad = PICO_E_MODEL_GEOMETRY;
    CHECK(check_range(fault, bad, "payload", info->payload, PICO_MIN_PAYLOAD, PICO_MAX_PAYLOAD));
    CHECK(check_range(fault, bad, "border", info->border, 0, PICO_MAX_BORDER));
    CHECK(check_range(fault, bad, "probability bits", probability_bits, 12, 12));
    CHECK(check_range(fault, bad, "y channels", info->y_channels, 1, PICO_MAX_LATENT_CHANNELS));
    CHECK(check_range(fault, bad, "z channels", info->z_channels, 1, PICO_MAX_LATENT_CHANNELS));
    CHECK(check_range(fault, bad, "levels", info->levels, 1, PICO_MAX_LEVELS));
    CHECK(check_range(fault, bad, "y_max", info->y_max, 1, PICO_MAX_SYMBOL));
    CHECK(check_range(fault, bad, "z_max", info->z_max, 1, PICO_MAX_SYMBOL));
    CHECK(check_range(fault, bad, "fraction bits", *fraction_bits, 0, PICO_MAX_FRACTION_BITS));
    CHECK(check_range(fault, bad, "layers", *layers, 1, PICO_MAX_LAYERS));
    CHECK(check_range(fault, bad, "y tables", info->y_tables, 1, PICO_MAX_Y_TABLES));
    CHECK(check_range(fault, bad, "z tables", info->z_tables, 1, PICO_MAX_Z_TABLES));
    CHECK(check_range(fault, bad, "table anchors", info->anchors, 1, PICO_MAX_ANCHORS));
    CHECK(check_range(fault, bad, "banks", info->banks, 1, PICO_MAX_BANKS));
    uint32_t bank_tables = info->banks > 1 ? info->anchors : 0;
    CHECK(check_range(fault, bad, "bank tables", plan->bank_tables, bank_tables, bank_tables));
    CHECK(check_range(fault, PICO_E_MODEL_FORMAT, "reserved field", reserved, 0, 0));
    plan->tables = info->y_tables + info->z_tables + bank_tables;
    CHECK(check_range(fault, bad, "tables together", plan->tables, 1, PICO_MAX_TABLES));

    info->tile = info->payload + 2 * info->border;
    if (!is_power_of_two(info->y_stride) || info->y_stride < PICO_MIN_STRIDE || info->tile % info->y_stride != 0) {
        return fail(fault, bad, "y_stride does not divide the tile", 0, info->y_stride, info->tile);
    }
    if (!is_power_of_two(info->z_stride) || info->z_stride < info->y_stride ||
        info->tile % info->z_stride != 0) {
        return fail(fault, bad, "z_stride does not divide the tile", 0, info->z_stride, info->tile);
    }
    /* A border of a stride or more would make void elements at the top and left, too. */
    if (info->border >= info->y_stride)
        return fail(fault, bad, "border", 0, info->border, info->y_stride - 1);
    info->y_side = info->tile / info->y_stride;
    info->z_side = info->tile / info->z_stride;
    uint64_t y = (uint64_t)info->y_channels * info->y_side * info->y_side;
    uint64_t z = (uint64_t)info->z_channels * info->z_side * info->z_side;
    if (y > PICO_MAX_TILE_ELEMENTS || z > PICO_MAX_TILE_ELEMENTS) {
        return fail(fault, PICO_E_OVER_LIMIT, "elements of a tile", 0, (int64_t)(y > z ? y : z),
                    PICO_MAX_TILE_ELEMENTS);
    }
    return PICO_OK;
}

static pico_status check_z_rows(byte_reader *r, const uint8_t *data, model_plan *plan, pico_fault *fault) {
    const pico_model_info *info = &plan->info;
    plan->anchor_of_level = (size_t)(r->at - data);
    for (uint32_t level = 0; level < info->levels; level++) {
        uint32_t anchor = reader_u8(r);
        if (anchor >= info->anchors) {
            return fail(fault, PICO_E_MODEL_TABLES, "table anchor of level", level, anchor,
                        info->anchors - 1);
        }
    }
    plan->z_row = (size_t)(r->at - data);
    uint32_t rows = info->anchors * info->banks * info->z_channels; /* at most 2^5 * 2^3 * 2^12 */
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row = reader_u8(r);
        if (row >= info->z_tables) {
            return fail(fault, PICO_E_MODEL_TABLES, "z table of channel", i % info->z_channels, row,
                        info->z_tables - 1);
        }
    }
    return r->ok ? PICO_OK : fail(fault, PICO_E_MODEL_FORMAT, "table rows are cut short", 0, 0, 0);
}

/* The proof that no intermediate overflows, from the weights themselves:
 *   every partial sum, in any order:  |acc| <= sum |w| * X,  X = z_max or 255
 *   every requantised value, level by level:  |acc * m + bias + half| <= bound(acc) * m + |bias| + half  */
static pico_status check_bounds(const uint8_t *weight, const uint8_t *multiplier, const uint8_t *bias,
                                const model_plan *plan, uint32_t number, int64_t largest_input,
                                network_layer *layer, pico_fault *fault) {
    const uint32_t taps = layer->depthwise ? 9 : layer->inputs;
    const int64_t half = layer->shift > 0 ? (int64_t)1 << (layer->shift - 1) : 0;
    int64_t acc_bound = 0, product_bound = 0;
    for (size_t o = 0; o < layer->outputs; o++) {
        int64_t sum = 0;
        for (size_t t = 0; t < taps; t++) {
            int64_t w = weight[o * taps + t];
            sum += w < 128 ? w : 256 - w;
        }
        sum *= largest_input;
        if (sum > acc_bound) acc_bound = sum;
        int64_t m = read_u32(multiplier + 4 * o);
        if (m > INT32_MAX)
            return fail(fault, PICO_E_MODEL_NETWORK, "multiplier of layer", number, m, INT32_MAX);
        for (size_t level = 0; level < plan->info.levels; level++) {
            int64_t b = (int32_t)read_u32(bias + 4 * (level * layer->outputs + o));
            /* 2^31 * 2^31 + 2^31 + 2^61 < 2^63 once the sum is known to fit 31 bits */
            if (sum > INT32_MAX) continue;
            int64_t product = sum * m + (b < 0 ? -b : b) + half;
            if (product > product_bound) product_bound = product;
        }
    }
    if (acc_bound > INT32_MAX) {
        return fail(fault, PICO_E_MODEL_OVERFLOW, "sums of layer", number, acc_bound, INT32_MAX);
    }
    if (!layer->wide && product_bound > INT32_MAX) {
        return fail(fault, PICO_E_MODEL_OVERFLOW, "products of layer", number, product_bound, INT32_MAX);
    }
    if (acc_bound != layer->accumulator_bound) {
        return fail(fault, PICO_E_MODEL_BOUNDS, "stored bound of the sums of layer", number,
                    layer->accumulator_bound, acc_bound);
    }
    if (product_bound != layer->product_bound) {
        return fail(fault, PICO_E_MODEL_BOUNDS, "stored bound of the products of layer", number,
                    layer->product_bound, product_bound);
    }
    return PICO_OK;
}

static pico_status check_layer(byte_reader *r, const uint8_t *data, model_plan *plan, uint32_t number,
                               uint32_t *channels, uint32_t *side, pico_fault *fault) {
    network_layer *layer = &plan->layer[number];
    const pico_status bad = PICO_E_MODEL_NETWORK;
    layer->depthwise = reader_u8(r);
    layer->upsample = reader_u8(r);
    layer->factor = reader_u8(r);
    layer->shift = reader_u8(r);
    layer->wide = reader_u8(r);
    uint32_t reserved = reader_u16(r) | reader_u8(r);
    layer->inputs = reader_u32(r);
    layer->outputs = reader_u32(r);
    layer->accumulator_bound = reader_u32(r);
    uint64_t product_bound = reader_u64(r);
    if (!r->ok) return fail(fault, PICO_E_MODEL_FORMAT, "layer is cut short", number, 0, 0);
    layer->product_bound = product_bound > INT64_MAX ? INT64_MAX : (int64_t)product_bound;
    layer->side = *side;

    if (layer->depthwise > 1) return fail(fault, bad, "kind of layer", number, layer->depthwise, 1);
    if (layer->upsample > 2) return fail(fault, bad, "upsampling of layer", number, layer->upsample, 2);
    if (layer->wide > 1) return fail(fault, bad, "width of layer", number, layer->wide, 1);
    if (reserved != 0)
        return fail(fault, PICO_E_MODEL_FORMAT, "reserved field of layer", number, reserved, 0);
    int factor_fits =
        layer->upsample == UPSAMPLE_NONE ? layer->factor == 1 : layer->factor == 2 || layer->factor == 4;
    if (!factor_fits) return fail(fault, bad, "upsampling factor of layer", number, layer->factor, 1);
    uint32_t largest_shift = layer->wide ? PICO_MAX_WIDE_SHIFT : PICO_MAX_SHIFT;
    if (layer->shift > largest_shift)
        return fail(fault, bad, "shift of layer", number, layer->shift, largest_shift);
    if (layer->inputs != *channels)
        return fail(fault, bad, "inputs of layer", number, layer->inputs, *channels);
    if (layer->outputs < 1 || layer->outputs > PICO_MAX_LAYER_CHANNELS) {
        return fail(fault, bad, "outputs of layer", number, layer->outputs, PICO_MAX_LAYER_CHANNELS);
    }
    if (layer->depthwise && layer->outputs != layer->inputs) {
        return fail(fault, bad, "outputs of depthwise layer", number, layer->outputs, layer->inputs);
    }
    uint32_t square = layer->factor * layer->factor;
    int shuffle = layer->upsample == UPSAMPLE_SHUFFLE;
    if (shuffle && layer->outputs % square != 0) {
        return fail(fault, bad, "outputs of shuffled layer", number, layer->outputs, square);
    }
    *channels = shuffle ? layer->outputs / square : layer->outputs;
    *side *= layer->factor;
    if (*side > plan->info.y_side)
        return fail(fault, bad, "resolution after layer", number, *side, plan->info.y_side);
    uint64_t sums = (uint64_t)layer->outputs * layer->side * layer->side;
    uint64_t after = (uint64_t)*channels * *side * *side;
    uint64_t activation = sums > after ? sums : after;
    if (activation > PICO_MAX_TILE_ELEMENTS) {
        return fail(fault, PICO_E_OVER_LIMIT, "activation of layer", number, (int64_t)activation,
                    PICO_MAX_TILE_ELEMENTS);
    }
    if (activation > plan->activation_size) plan->activation_size = (size_t)activation;

    /* At most 2^14 * 2^14 weights and 2^8 * 2^14 biases: no overflow, even of a 32-bit size_t, in each
     * product. */
    size_t weights = (size_t)layer->outputs * (layer->depthwise ? 9 : layer->inputs);
    plan->layer_data[number] = (size_t)(r->at - data);
    const uint8_t *weight = reader_take(r, weights);
    const uint8_t *multiplier = reader_take(r, 4 * (size_t)layer->outputs);
    const uint8_t *bias = reader_take(r, 4 * (size_t)layer->outputs * plan->info.levels);
    if (!r->ok) return fail(fault, PICO_E_MODEL_FORMAT, "layer is cut short", number, 0, 0);
    int64_t largest_input = number == 0 ? (int64_t)plan->info.z_max : 255;
    return check_bounds(weight, multiplier, bias, plan, number, largest_input, layer, fault);
}

static pico_status check_table(byte_reader *r, const model_plan *plan, uint32_t number, pico_fault *fault) {
    const pico_model_info *info = &plan->info;
    uint32_t entries = reader_u8(r), low = 2, reach = PICO_MAX_REACH, sum = 0;
    if (number < info->y_tables) {
        reach = info->y_max < reach ? info->y_max : reach;
    } else if (number < info->y_tables + info->z_tables) {
        reach = info->z_max < reach ? info->z_max : reach;
    }
    uint32_t high = 2 * reach + 2;
    if (number >= info->y_tables + info->z_tables) low = high = info->banks + 1;
    if (!r->ok) return fail(fault, PICO_E_MODEL_FORMAT, "table is cut short", number, 0, 0);
    if (entries < low || entries > high) {
        return fail(fault, PICO_E_MODEL_TABLES, "entries of table", number, entries,
                    entries < low ? low : high);
    }
    for (uint32_t s = 0; s < entries; s++) {
        uint32_t frequency = reader_u16(r);
        if (!r->ok) return fail(fault, PICO_E_MODEL_FORMAT, "table is cut short", number, 0, 0);
        if (frequency < 1 || frequency >= RANS_SLOTS) {
            return fail(fault, PICO_E_MODEL_TABLES, "frequency in table", number, frequency, RANS_SLOTS - 1);
        }
        sum += frequency;
    }
    if (sum != RANS_SLOTS) return fail(fault, PICO_E_MODEL_TABLES, "sum of table", number, sum, RANS_SLOTS);
    return PICO_OK;
}

pico_status model_check(const uint8_t *data, size_t size, model_plan *plan, pico_fault *fault) {
    fill_bytes(plan, 0, sizeof *plan);
    CHECK(check_envelope(data, size, fault));
    byte_reader r = {data + 16, data + size - 4, 1};
    uint32_t layers = 0, fraction_bits = 0;
    CHECK(check_geometry(&r, plan, &layers, &fraction_bits, fault));
    CHECK(check_z_rows(&r, data, plan, fault));

    plan->info.layers = layers;
    uint32_t channels = plan->info.z_channels, side = plan->info.z_side;
    for (uint32_t i = 0; i < layers; i++) {
        int last = i + 1 == layers;
        plan->layer[i].ceiling = last ? (plan->info.y_tables - 1) << fraction_bits : 255;
        plan->layer[i].result_shift = last ? fraction_bits : 0;
        CHECK(check_layer(&r, data, plan, i, &channels, &side, fault));
    }
    if (channels != plan->info.y_channels) {
        return fail(fault, PICO_E_MODEL_NETWORK, "channels of the index", 0, channels, plan->info.y_channels);
    }
    if (side != plan->info.y_side) {
        return fail(fault, PICO_E_MODEL_NETWORK, "resolution of the index", 0, side, plan->info.y_side);
    }
    plan->table_data = (size_t)(r.at - data);
    for (uint32_t i = 0; i < plan->tables; i++) CHECK(check_table(&r, plan, i, fault));
    if (reader_left(&r) != 0) {
        return fail(fault, PICO_E_MODEL_FORMAT, "bytes after the tables", 0, (int64_t)reader_left(&r), 0);
    }
    uint8_t digest[32];
    pico_sha256(data, size, digest);
    copy_bytes(plan->info.fingerprint, digest, PICO_FINGERPRINT_SIZE);
    return PICO_OK;
}
