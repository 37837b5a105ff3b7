/* The integer network, the reference kernels. int32 sums, int64 requantisation; that neither overflows is
 * proved from the weights when the model is loaded (model_check.c), so nothing is checked here. */
#include "../bytes.h"
#include "../kernels.h"

enum { BLOCK = 64 }; /* pixels whose sums stay in registers or L1 while the channels go by */

static inline uint8_t requantise(const network_layer *layer, int32_t acc, int32_t multiplier, int64_t offset)
{
    /* Floor shift. Right shift of a negative value is arithmetic on every compiler that is supported; a test
     * says so. */
    int64_t v = ((int64_t)acc * multiplier + offset) >> layer->shift;
    v = v < 0 ? 0 : v > (int64_t)layer->ceiling ? (int64_t)layer->ceiling : v;
    uint32_t half = layer->result_shift > 0 ? 1u << (layer->result_shift - 1) : 0;
    return (uint8_t)(((uint32_t)v + half) >> layer->result_shift);
}

static inline int64_t offset_of(const network_layer *layer, int32_t bias) {
    return bias + (layer->shift > 0 ? (int64_t)1 << (layer->shift - 1) : 0);
}

/* One source for both input types, which differ in sign only. */
#define DEFINE_KERNELS(pointwise_name, depthwise_name, input)                                                
\
    void pointwise_name(const network_layer *layer, const int32_t *bias, const input *in, uint8_t *out) {    
    \
        const size_t pixels = (size_t)layer->side * layer->side;                                             
        \ for (size_t first = 0; first < pixels; first += BLOCK) {                                            
         \
            const size_t count = pixels - first < BLOCK ? pixels - first : BLOCK;                            
            \ for (size_t o = 0; o < layer->outputs; o++) {                                                   
             \
                int32_t acc[BLOCK] = {0};                                                                    
                \ const int8_t *weight = layer->weight + o * layer->inputs;                                   
                 \ for (size_t i = 0; i < layer->inputs; i++) {                                               
                   \
                    const int32_t w = weight[i];                                                             
                    \ const input *x = in + i * pixels + first;                                               
                     \ if (count == BLOCK) {                                                                  
                       \
                        for (size_t p = 0; p < BLOCK; p++) acc[p] += w * x[p];                               
                        \
                    } else {                                                                                 
                    \
                        for (size_t p = 0; p < count; p++) acc[p] += w * x[p];                               
                        \
                    }                                                                                        
                    \
                }                                                                                            
                \ const int64_t offset = offset_of(layer, bias[o]);                                           
                 \ for (size_t p = 0; p < count; p++) {                                                       
                   \
                    out[o * pixels + first + p] = requantise(layer, acc[p], layer->multiplier[o], offset);   
                    \
                }                                                                                            
                \
            }                                                                                                
            \
        }                                                                                                    
        \
    }                                                                                                        
    \
                                                                                                              \
    void depthwise_name(const network_layer *layer, const int32_t *bias, const input *in, uint8_t *out) {    
    \
        const size_t side = layer->side;                                                                     
        \ for (size_t c = 0; c < layer->outputs; c++) {                                                       
         \
            const int8_t *weight = layer->weight + 9 * c;                                                    
            \ const input *plane = in + c * side * side;                                                      
             \ const int64_t offset = offset_of(layer, bias[c]);                                              
               \
            for (size_t row = 0; row < side; row++) {                                                        
            \
                for (size_t column = 0; column < side; column++) {                                           
                \
                    int32_t acc = 0;                                                                         
                    \ for (size_t a = row == 0; a < 3 && row + a <= side; a++) {                              
                     \
                        const input *line = plane + (row + a - 1) * side;                                    
                        \ for (size_t b = column == 0; b < 3 && column + b <= side; b++) {                    
                         \
                            acc += weight[3 * a + b] * line[column + b - 1];                                 
                            \
                        }                                                                                    
                        \
                    }                                                                                        
                    \ out[(c * side + row) * side + column] =                                                 
                     \
                        requantise(layer, acc, layer->multiplier[c], offset);                                
                        \
                }                                                                                            
                \
            }                                                                                                
            \
        }                                                                                                    
        \
    }

DEFINE_KERNELS(scalar_pointwise_first, scalar_depthwise_first, int8_t)
DEFINE_KERNELS(scalar_pointwise, scalar_depthwise, uint8_t)

void scalar_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out) {
    const size_t side = layer->side, factor = layer->factor, wide = side * factor;
    const int shuffle = layer->upsample == UPSAMPLE_SHUFFLE;
    const size_t channels = shuffle ? layer->outputs / (factor * factor) : layer->outputs;
    for (size_t c = 0; c < channels; c++) {
        for (size_t row = 0; row < wide; row++) {
            const size_t a = row % factor;
            uint8_t *to = out + (c * wide + row) * wide;
            for (size_t b = 0; b < factor; b++) {
                const size_t from_channel = shuffle ? (a * factor + b) * channels + c : c;
                const uint8_t *from = in + (from_channel * side + row / factor) * side;
                for (size_t j = 0; j < side; j++) to[j * factor + b] = from[j];
            }
        }
    }
}
