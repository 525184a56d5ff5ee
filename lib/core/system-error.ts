/** The process, or the machine, may not open another file or connection: a fault on our side, whatever was to be opened. */
const OUT_OF_FILES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE'])

export const OUT_OF_FILES_TEXT =
  'the gateway has as many files and connections open as it may; raise its limit (ulimit -n)'

export const isOutOfFiles = (code: unknown): boolean => typeof code === 'string' && OUT_OF_FILES.has(code)
