/** The process or the machine cannot open another file or connection: a fault of this side. */
const OUT_OF_FILES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE'])

export const OUT_OF_FILES_TEXT = 'the gateway has reached its limit of open files and connections; raise it (ulimit -n)'

export const isOutOfFiles = (code: unknown): boolean => typeof code === 'string' && OUT_OF_FILES.has(code)
