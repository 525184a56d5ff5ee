import type { Logger } from '../contract.ts'

const nothing = () => undefined

/** For applications that give no logger. */
export const silentLog: Logger = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
