#!/usr/bin/env node
import './check-node.js'

// Only now: an older Node could not even read it.
const { main } = await import('./gateway/cli.ts')
process.exitCode = await main(process.argv.slice(2))
