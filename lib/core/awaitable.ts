/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** Calls `next` with the value, synchronously unless it is a promise: promises in each step of a request are slow. */
export const after = <T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> =>
  value instanceof Promise ? value.then(next) : next(value)
