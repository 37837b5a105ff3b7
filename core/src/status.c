#include "pico.h"

static const struct {
    const char *name, *text;
} statuses[PICO_STATUS_COUNT] = {
    [PICO_OK] = {"ok", "No error."},
    [PICO_E_ARGUMENT] = {"argument", "An argument of the call cannot be used; correct the call."},
    [PICO_E_BUFFER] = {"buffer-too-small",
                       "A buffer is smaller than the size query said; ask again and allocate that."},
    [PICO_E_OVER_LIMIT] = {"over-limit",
                           "A size is beyond the limits of the format; split or shrink the image."},
    [PICO_E_TRUNCATED] = {"truncated", "The file ends too early; fetch it again."},
    [PICO_E_NOT_PICO] = {"not-pico", "This is not a .pico file; check the path."},
    [PICO_E_UNSUPPORTED_VERSION] = {"unsupported-version",
                                    "Written in another major version; use a library that reads it."},
    [PICO_E_UNSUPPORTED_CONTENT] =
        {"unsupported-content", "Holds a kind of content this version does not decode; update the library."},
    [PICO_E_UNSUPPORTED_CHUNK] = {"unsupported-chunk",
                                  "Holds a critical chunk this version does not know; update the library."},
    [PICO_E_HEADER_DAMAGED] = {"header-damaged",
                               "The header is damaged, so nothing can be decoded; fetch the file again."},
    [PICO_E_CHUNK_DAMAGED] = {"chunk-damaged",
                              "A metadata chunk is damaged; the image itself is not affected."},
    [PICO_E_STREAM_DAMAGED] = {"stream-damaged",
                               "A group of tiles is damaged; the other groups can still be decoded."},
    [PICO_E_TRAILING_BYTES] = {"trailing-bytes",
                               "The file goes on after its last stream; remove what was appended."},
    [PICO_E_WRONG_MODEL] = {"wrong-model",
                            "Made with another entropy model; use the bundle it was encoded with."},
    [PICO_E_SYMBOL_NOT_INTEGER] = {"symbol-not-integer",
                                   "A symbol is not an integer; the analysis transform must round it."},
    [PICO_E_SYMBOL_OUT_OF_RANGE] = {"symbol-out-of-range",
                                    "A symbol is out of range; the analysis transform must clamp it."},
    [PICO_E_SYMBOL_IN_VOID] = {"symbol-in-void",
                               "A void element is not 0; give the analysis transform the void masks."},
    [PICO_E_MODEL_FORMAT] = {"model-format",
                             "This is not a well-formed entropy.bin; export the model again."},
    [PICO_E_MODEL_VERSION] = {"model-version",
                              "entropy.bin is of another major version; export it with this release."},
    [PICO_E_MODEL_CHECKSUM] = {"model-checksum", "entropy.bin is damaged; copy it again from the bundle."},
    [PICO_E_MODEL_GEOMETRY] = {"model-geometry",
                               "entropy.bin states sizes that cannot be; export the model again."},
    [PICO_E_MODEL_NETWORK] = {"model-network",
                              "The layers of entropy.bin do not fit together; export the model again."},
    [PICO_E_MODEL_OVERFLOW] =
        {"model-overflow", "An intermediate of the integer network could overflow; export the model again."},
    [PICO_E_MODEL_TABLES] = {"model-tables",
                             "A table of entropy.bin is not a distribution; export the model again."},
    [PICO_E_MODEL_BOUNDS] =
        {"model-bounds", "A bound stored in entropy.bin is not the recomputed one; export the model again."},
};

const char *pico_status_name(int status) {
    return status >= 0 && status < PICO_STATUS_COUNT ? statuses[status].name : NULL;
}

const char *pico_status_text(int status) {
    return status >= 0 && status < PICO_STATUS_COUNT ? statuses[status].text : NULL;
}
