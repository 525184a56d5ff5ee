import type { Command } from '../command.ts'
import { check } from './check.ts'
import { demo } from './demo.ts'
import { start } from './start.ts'

/** All commands, in the order the help shows them. */
export const commands: readonly Command[] = [start, demo, check]
