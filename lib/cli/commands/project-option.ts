import { resolve } from 'node:path'
import type { CommandOption, OptionValues } from '../command.ts'

/** For commands that work on the files of a project. */
export const projectOption: Readonly<Record<'project', CommandOption>> = {
  project: { value: 'DIR', description: 'the directory with conf/ and security/ (default: this one)' },
}

export const projectDirOf = (values: OptionValues, cwd: string): string => resolve(cwd, values.text('project') ?? '.')
