import type { Logger } from '../contract.ts'

const nothing = () => undefined

/** For applications without a logger. */
export const silentLog: Logger = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }

/** A logger that never throws: in a listener or timer, an error of the host's logger would end the process. */
export const containedLog = (log: Logger): Logger => ({
  trace: (details, message) => contain(() => log.trace(details, message)),
  debug: (details, message) => contain(() => log.debug(details, message)),
  info: (details, message) => contain(() => log.info(details, message)),
  warn: (details, message) => contain(() => log.warn(details, message)),
  error: (details, message) => contain(() => log.error(details, message)),
})

function contain(write: () => void): void {
  try {
    write()
  } catch {
    // There is no other place to report it to.
  }
}
