import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFiles } from '../../helpers/files.ts'
import { blocksFor } from '../../helpers/markdown.ts'
import { testPki } from '../../helpers/pki.ts'
import { spawnNode } from '../../helpers/process.ts'
import { type Client, http1, http2 } from '../client.ts'
import type { StartedHost } from '../contract.ts'

const HERE = import.meta.dirname
const EXAMPLES = join(HERE, '../../../examples')

/** The packages lie beside, in a `package.json` of their own. */
export function assertInstalled(): void {
  if (existsSync(join(HERE, '../node_modules/fastify'))) return
  throw new Error('the hosts are not installed: run "npm run test:install", or "npm ci" in test/hosts')
}

export interface ExampleOptions {
  /** Run in its place, beside it. */
  readonly runner?: string
  readonly speaks?: 'http/1.1' | 'h2, TLS' | 'http/1.1, TLS'
}

function blockOf(name: string): string {
  const block = blocksFor('host').find(({ text }) => text.startsWith(`// ${name}\n`))
  if (!block) throw new Error(`no page has an example ${name}`)
  return block.text
}

/** Starts the block of a page whose first line names this file, or a file of examples/: `express/app.mjs`. */
export const example =
  (name: string, { runner, speaks = 'http/1.1' }: ExampleOptions = {}) =>
  async (confDir: string): Promise<StartedHost> => {
    const text = name.includes('/') ? readFileSync(join(EXAMPLES, name), 'utf8') : blockOf(name)
    const { ca, server } = await testPki()
    const { certificate, key } = await server('localhost')
    // Packages are found from the folder of the file, the instances from the working directory.
    const dir = dirname(confDir)
    await writeFiles(dir, { 'server.pem': certificate, 'server-key.pem': key })
    const copy = name.replace('/', '-')
    await writeFiles(join(HERE, '../.run'), { [copy]: text })
    const file = runner ? join(HERE, runner) : join(HERE, '../.run', copy)
    return startExample(file, dir, (port) => clientOf(speaks, port, ca))
  }

async function startExample(file: string, cwd: string, client: (port: string) => Client): Promise<StartedHost> {
  const app = spawnNode(['--import', join(HERE, 'preload.mjs'), file], {
    cwd,
    env: { GATEWAY_KEY: 'key', MANAGER_KEY: 'manager' },
  })
  const port = (await app.line('listens on ')).split(' ').at(-1) ?? ''
  return {
    client: client(port),
    closeInstances: async () => {
      app.child.stdin.write('close\n')
      await app.line(/^closed$/)
    },
    assertWell: () => {
      if (app.child.exitCode !== null || /request failed|Uncaught|Unhandled/.test(app.stderr))
        throw new Error(app.stderr)
    },
  }
}

const clientOf = (speaks: ExampleOptions['speaks'], port: string, ca: string): Client => {
  if (speaks === 'http/1.1') return http1(`http://127.0.0.1:${port}`)
  return (speaks === 'h2, TLS' ? http2 : http1)(`https://localhost:${port}`, { ca })
}
