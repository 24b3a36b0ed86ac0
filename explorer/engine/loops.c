// The two loops that take the time, four numbers at once. loops.wasm beside this file is made from it by
//
//   clang-14 --target=wasm32 -msimd128 -O3 -ffast-math -nostdlib -Wl,--no-entry -Wl,--strip-all -o loops.wasm loops.c
//
// and tests/library/test_explorer_engine.py makes it again. layers.js has the same loops in JavaScript.

#define EXPORTED(name) __attribute__((export_name(#name)))
#define LANES 4
#define GROUP (2 * LANES) // outputs that are summed in registers,
#define PLACES 6          // at so many places at once

typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));
typedef struct {
    vector low, high;
} group;

// A convolution and a ReLU: padded maps (channels, wide, wide) to result (outputs, side, side). Weights are (channels,
// kernel, kernel, outputs), bias is (outputs), both with outputs filled up to a multiple of GROUP. If the number of places
// is no multiple of PLACES, the last one is computed several times.
EXPORTED(convolve)
void convolve(const float *maps, const float *weight, const float *bias, float *result, int channels, int wide,
              int kernel, int stride, int side, int outputs) {
    const int area = side * side, row = (outputs + GROUP - 1) / GROUP;
    for (int first = 0; first < area; first += PLACES) {
        const float *corners[PLACES];
        int places[PLACES];
        for (int i = 0; i < PLACES; i++) {
            const int place = places[i] = first + i < area ? first + i : area - 1;
            corners[i] = maps + (place / side * wide + place % side) * stride;
        }
        for (int number = 0; number < row; number++) {
            const group *next = (const group *)weight + number;
            group sums[PLACES];
            for (int i = 0; i < PLACES; i++) sums[i] = ((const group *)bias)[number];
            for (int channel = 0; channel < channels; channel++) {
                for (int down = 0; down < kernel; down++) {
                    const int from = (channel * wide + down) * wide;
                    for (int right = 0; right < kernel; right++, next += row) {
                        const int at = from + right;
                        const group factors = *next;
                        for (int i = 0; i < PLACES; i++) {
                            sums[i].low += corners[i][at] * factors.low;
                            sums[i].high += corners[i][at] * factors.high;
                        }
                    }
                }
            }
            for (int i = 0; i < PLACES; i++) {
                float *to = result + number * GROUP * area + places[i];
                for (int output = 0; output < LANES; output++, to += area) {
                    const float low = sums[i].low[output], high = sums[i].high[output];
                    if (number * GROUP + output < outputs) to[0] = low > 0 ? low : 0;
                    if (number * GROUP + LANES + output < outputs) to[LANES * area] = high > 0 ? high : 0;
                }
            }
        }
    }
}

// A fully connected layer: features (inputs) to result (outputs); weights are (outputs, inputs).
EXPORTED(linear)
void linear(const float *features, const float *weight, const float *bias, float *result, int inputs, int outputs) {
    for (int output = 0; output < outputs; output++, weight += inputs) {
        vector low = {0}, high = {0};
        int i = 0;
        for (; i + GROUP <= inputs; i += GROUP) {
            const group *given = (const group *)(features + i), *factors = (const group *)(weight + i);
            low += given->low * factors->low;
            high += given->high * factors->high;
        }
        const vector both = low + high;
        float sum = bias[output] + both[0] + both[1] + both[2] + both[3];
        for (; i < inputs; i++) sum += features[i] * weight[i];
        result[output] = sum;
    }
}
