import v8 from 'node:v8'

/**
 * V8 takes memory rather than time: with pages of a thousand objects coming and going, its young generation doubles up
 * to 128 MB, and its old one to four times what is alive, though a run keeps 30 MB. Held small, both cost the run next
 * to nothing.
 */
const HELD = ['--semi-space-growth-factor=1', '--heap-growing-percent=100'] as const
const USUAL = ['--semi-space-growth-factor=2', '--heap-growing-percent=0'] as const

let holders = 0

/** Has the heap of this process grow slowly until the returned function is called, once for each call of this one. */
export function holdHeapSmall(): () => void {
  holders += 1
  if (holders === 1) for (const flag of HELD) v8.setFlagsFromString(flag)
  return () => {
    holders -= 1
    if (holders === 0) for (const flag of USUAL) v8.setFlagsFromString(flag)
  }
}
