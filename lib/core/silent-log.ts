import type { Logger } from '../contract.ts'

const nothing = () => undefined

/** For applications without a logger. */
export const silentLog: Logger = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
