#!/usr/bin/env node
import './check-node.js'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// Node would open a debugger, which lets anyone who can reach it control the process.
process.on('SIGUSR1', () => undefined)

// A second start reads what the first one compiled. It lies with our own code, where only those write who could change
// that as well; Node's own choice would be a folder that belongs to everyone.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/openidm-external-idm', import.meta.url)))

// Only now: an older Node could not even read it.
const { main } = await import('./cli/cli.ts')
process.exitCode = await main(process.argv.slice(2))
