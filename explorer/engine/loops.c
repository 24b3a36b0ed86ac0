// The two loops that take the time, four numbers at once. loops.wasm beside this file is made from it by
//
//   clang-14 --target=wasm32 -msimd128 -O3 -ffast-math -nostdlib -Wl,--no-entry -Wl,--strip-all -o loops.wasm loops.c
//
// and tests/library/test_explorer_loops.py makes it again. layers.js has the same loops in JavaScript.

#define EXPORTED(name) __attribute__((export_name(#name)))
#define LANES 4
#define GROUP (2 * LANES) // outputs that are summed in registers

typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));
typedef struct {
    vector low, high;
} group;

// A convolution and a ReLU: padded maps (channels, wide, wide) to result (outputs, side, side). Weights are (channels,
// kernel, kernel, outputs), bias is (outputs), both with outputs filled up to a multiple of GROUP. Half of the pixels are
// 0, which adds nothing, and are skipped.
EXPORTED(convolve)
void convolve(const float *maps, const float *weight, const float *bias, float *result, int channels, int wide,
              int kernel, int stride, int side, int outputs) {
    const int area = side * side, row = (outputs + GROUP - 1) / GROUP;
    const group *weights = (const group *)weight;
    for (int number = 0; number < row; number++) {
        const group start = ((const group *)bias)[number];
        for (int place = 0; place < area; place++) {
            const float *corner = maps + (place / side * wide + place % side) * stride;
            const group *next = weights + number;
            vector low = start.low, high = start.high;
            for (int channel = 0; channel < channels; channel++, corner += wide * wide) {
                for (int down = 0; down < kernel; down++) {
                    for (int right = 0; right < kernel; right++, next += row) {
                        const float value = corner[down * wide + right];
                        if (value == 0) continue;
                        low += value * next->low;
                        high += value * next->high;
                    }
                }
            }
            float *to = result + number * GROUP * area + place;
            for (int i = 0; i < LANES; i++, to += area) {
                if (number * GROUP + i < outputs) to[0] = low[i] > 0 ? low[i] : 0;
                if (number * GROUP + LANES + i < outputs) to[LANES * area] = high[i] > 0 ? high[i] : 0;
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
