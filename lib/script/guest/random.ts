/** Every run starts with a copy of the same memory, so that it needs a seed to get different random numbers. */
export function makeRandom() {
  let [a, b, c, d] = [1, 2, 3, 4]

  /** xoshiro128**. */
  const next = (): number => {
    const five = Math.imul(b, 5)
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result
  }
  const random = (): number => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992
  const seed = (values: readonly number[]): void => {
    const [first = 1, second = 2, third = 3, fourth = 4] = values
    a = first
    b = second
    c = third
    d = fourth | 1
  }
  return { random, seed }
}
