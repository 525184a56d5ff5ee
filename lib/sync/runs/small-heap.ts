import v8 from 'node:v8'

/**
 * V8 prefers to grow its heap: while pages of a thousand objects come and go, its young generation doubles up to 128 MB,
 * and its old one to four times the live objects, although a run keeps 30 MB. These flags stop the one, and slow the other
 * down.
 */
const YOUNG = ['--semi-space-growth-factor=1', '--semi-space-growth-factor=2'] as const
const OLD = ['--heap-growing-percent=50', '--heap-growing-percent=0'] as const

/** The young generation may grow so far: from a smaller one, pages are moved to the old one before they die. */
const MAX_YOUNG_BYTES = 32 * 1024 * 1024
const CHECK_MS = 100

let holders = 0
let check: NodeJS.Timeout | undefined

/** Slows down the growth of the heap until the returned function is called. Calls may overlap. */
export function keepHeapSmall(): () => void {
  holders += 1
  if (holders === 1) {
    v8.setFlagsFromString(OLD[0])
    check = setInterval(limitYoung, CHECK_MS).unref()
    limitYoung()
  }
  return () => {
    holders -= 1
    if (holders > 0) return
    clearInterval(check)
    for (const [, usual] of [YOUNG, OLD]) v8.setFlagsFromString(usual)
  }
}

/** V8 makes it smaller, too, after collections that find little in it: then it may grow again. */
function limitYoung(): void {
  const [still, usual] = YOUNG
  v8.setFlagsFromString(youngBytes() < MAX_YOUNG_BYTES ? usual : still)
}

const youngBytes = (): number =>
  v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0
