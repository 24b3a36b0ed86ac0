"""Philox 4x32-10, a counter-based random number generator: the numbers of any image, in any order, vectorised.

Philox turns a counter of four 32-bit words and a key of two into four random words. Here image i owns the counters
(tick, i, key[2], key[3]), tick = 0, 1, ..., of the Philox key (key[0], key[1]), so that its numbers depend only on the
128 bits of `key` and on i, not on how many are drawn. Compiled code holds words in uint64, where their products fit.

Source: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, section 3.
"""

import math

import numpy as np
from numba import njit

ROUNDS = 10
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
WORD = np.uint64(0xFFFFFFFF)
WORD_BITS, HALF_BITS = np.uint64(32), np.uint64(16)


@njit(inline="always")
def philox(counter, key):
    """Four random words for a counter of four words and a key of two, all uint64 below 2^32."""
    a, b, c, d = counter
    key_0, key_1 = key
    for _ in range(ROUNDS):
        product_0, product_1 = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        a, b = (product_1 >> WORD_BITS) ^ b ^ key_0, product_1 & WORD
        c, d = (product_0 >> WORD_BITS) ^ d ^ key_1, product_0 & WORD
        key_0, key_1 = (key_0 + KEY_STEPS[0]) & WORD, (key_1 + KEY_STEPS[1]) & WORD
    return a, b, c, d


def random_words(key: np.ndarray, first: int, images: int, ticks: int) -> np.ndarray:
    """Random words uint32 (images, 4 * ticks) of the images first, first + 1, ..., from their ticks 0, 1, ..."""
    words = np.empty((images, ticks, 4), np.uint32)
    _fill_with_words(words, key.astype(np.uint64), first)
    return words.reshape(images, 4 * ticks)


@njit(cache=True)
def _fill_with_words(words, key, first):
    images, ticks, _ = words.shape
    philox_key, rest_0, rest_1 = (key[0], key[1]), key[2], key[3]
    for image in range(images):
        for tick in range(ticks):
            counter = np.uint64(tick) & WORD, np.uint64(first + image) & WORD, rest_0, rest_1
            a, b, c, d = philox(counter, philox_key)
            words[image, tick, 0], words[image, tick, 1] = a, b
            words[image, tick, 2], words[image, tick, 3] = c, d


def fill_with_noise(noise: np.ndarray, key: np.ndarray, first: int, first_tick: int) -> None:
    """Fill contiguous float32 (n, ...) with uniform(-1, 1) noise of the images first, first + 1, ...

    Each number has 16 random bits: one of 65,536 values (k + 1/2) / 32,768, symmetric about 0, with a variance of 1/3
    up to one part in 2^32. An image must have 8 t numbers. It takes the ticks first_tick, ..., first_tick + t - 1; half
    h of word w of its i-th tick is its number (2 w + h) t + i, so that the compiler can work on many ticks at once.
    """
    ticks = math.prod(noise.shape[1:]) // 8
    _fill_with_noise(noise.reshape(len(noise), 8, ticks, copy=False), key.astype(np.uint64), first, first_tick)


@njit(cache=True)
def _fill_with_noise(noise, key, first, first_tick):
    images, _, ticks = noise.shape
    philox_key, rest_0, rest_1 = (key[0], key[1]), key[2], key[3]  # read here, or the loop is not vectorised
    for image in range(images):
        for tick in range(ticks):
            counter = np.uint64(first_tick + tick) & WORD, np.uint64(first + image) & WORD, rest_0, rest_1
            a, b, c, d = philox(counter, philox_key)
            noise[image, 0, tick], noise[image, 1, tick] = _uniform(a), _uniform(a >> HALF_BITS)
            noise[image, 2, tick], noise[image, 3, tick] = _uniform(b), _uniform(b >> HALF_BITS)
            noise[image, 4, tick], noise[image, 5, tick] = _uniform(c), _uniform(c >> HALF_BITS)
            noise[image, 6, tick], noise[image, 7, tick] = _uniform(d), _uniform(d >> HALF_BITS)


@njit(inline="always")
def _uniform(word):
    """Map the lower half of a word, as a signed integer, to the middle of its bin of (-1, 1)."""
    return np.float32(np.int16(word)) * np.float32(2.0**-15) + np.float32(2.0**-16)
