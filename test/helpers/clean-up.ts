/**
 * Owns what a test starts. What is registered inside a test (or its beforeEach) ends with that test; what is registered
 * in a `before` of a suite that called `ownedBySuite()` ends with that suite; all else ends with the run.
 */
export type CleanUp = () => unknown

const run: CleanUp[] = []
const open: CleanUp[][] = [run]

/** Has `cleanUp` run and awaited when its owner ends: last in, first out. One that throws fails the run. */
export function onCleanUp(cleanUp: CleanUp): void {
  const innermost = open.at(-1) ?? run
  innermost.push(cleanUp)
}

/** Has `cleanUp` run at the end of the run, wherever this is called. */
export const onEndOfRun = (cleanUp: CleanUp): void => void run.push(cleanUp)

/** Called in the body of a `describe`: what its `before` hooks start ends with this suite. */
export function ownedBySuite(): void {
  const owned: CleanUp[] = []
  before(() => {
    open.push(owned)
  })
  after(async () => {
    open.splice(open.indexOf(owned), 1)
    await cleanUpAll(owned)
  })
}

/** Runs and forgets all of `cleanUps`; a failure does not keep the others from running. */
export async function cleanUpAll(cleanUps: CleanUp[]): Promise<void> {
  const failures: unknown[] = []
  for (let next = cleanUps.pop(); next; next = cleanUps.pop()) {
    try {
      await next()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `clean-up failed: ${failures.map(String).join('; ')}`)
}

/** Ends what a script without mocha has started. */
export const endOfRun = (): Promise<void> => cleanUpAll(run)

const test: CleanUp[] = []

/** Around every test of every file. Mocha takes them from `--require`, also into its parallel jobs. */
export const mochaHooks = {
  beforeEach(): void {
    open.push(test)
  },
  async afterEach(): Promise<void> {
    open.splice(open.indexOf(test), 1)
    await cleanUpAll(test)
  },
  afterAll: endOfRun,
}

// Without `--require` they join mocha's root suite at import; without mocha (a benchmark, a script) there is none.
if (typeof beforeEach === 'function') {
  beforeEach(mochaHooks.beforeEach)
  afterEach(mochaHooks.afterEach)
  after(mochaHooks.afterAll)
}
