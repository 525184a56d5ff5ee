import '../../lib/check-node.js'

// Node would open a debugger, which lets anyone who can reach it control the process.
process.on('SIGUSR1', () => undefined)

// Only now: an older Node could not even read it.
const { main } = await import('./demo.ts')
process.exitCode = await main(process.argv.slice(2))
