import '../../lib/check-node.js'

// By default, Node opens a debugger, which gives control of the process to anyone who can reach it.
process.on('SIGUSR1', () => undefined)

// Imported after the version check: older versions of Node cannot parse it.
const { main } = await import('./demo.ts')
process.exitCode = await main(process.argv.slice(2))
