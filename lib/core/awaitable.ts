/** What is there at once, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** Goes on with a value, at once when it is there: a promise for each step of each request would be felt. */
export const after = <T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> =>
  value instanceof Promise ? value.then(next) : next(value)
