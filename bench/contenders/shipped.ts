import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A module of the package as it is shipped: compiled. */
export const shipped = (file: string) => import(pathToFileURL(join(process.env.DIST ?? '', file)).href)
