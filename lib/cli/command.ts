/** What the commands share. */
import { resolve } from 'node:path'
import { existingDirectory } from '../gateway/project/project.ts'
import type { Output } from './output.ts'

/** Where a command reads from and writes to. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

/** The command line was not understood: exit status 2. */
export class UsageError extends Error {}

/** Ctrl-C or SIGTERM ended the command: exit status 130. The message has several lines. */
export class Interrupted extends Error {}

/** @throws UsageError that names `source`, an option or a variable, unless `text` is a port */
export function parsePort(source: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`${source}: must be a port from 0 (a free one) to 65535, found ${JSON.stringify(text)}`)
}

/** @throws UsageError that names `source` unless `text` is a whole number from 1 to `max` */
export function parseCount(source: string, text: string, max: number): number {
  if (/^[1-9]\d{0,5}$/.test(text) && Number(text) <= max) return Number(text)
  throw new UsageError(`${source}: must be a whole number from 1 to ${max}, found ${JSON.stringify(text)}`)
}

export interface ProjectOptions {
  readonly project: string
}

/**
 * The absolute path of the project directory.
 * @throws StartError when it does not exist
 */
export const projectDirOf = ({ project }: ProjectOptions, cwd: string): Promise<string> =>
  existingDirectory(resolve(cwd, project))
