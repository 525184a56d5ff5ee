/** `conf/external.idm-platform.json` of the demo: the connection to the gateway that acts as the remote. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject, parseJson } from '../../lib/core/json.ts'
import type { Project } from '../../lib/gateway/project/project.ts'

const HOST = 'localhost'
const PATH = '/openidm/'

const fileOf = ({ conf }: Project): string => join(conf, 'external.idm-platform.json')

/** The port in the file; undefined without a file, or if it has been changed to another remote. */
export async function rememberedPort(project: Project): Promise<number | undefined> {
  const content = await readInstance(project)
  return content === undefined ? undefined : portOf(content.instanceUrl)
}

/** Writes the file, or updates its port. A file that has been changed to another remote is kept. */
export async function writeInstance(project: Project, port: number): Promise<void> {
  const content = await readInstance(project)
  if (content !== undefined && portOf(content.instanceUrl) === undefined) return
  if (content !== undefined && portOf(content.instanceUrl) === port) return
  const instanceUrl = `https://${HOST}:${port}${PATH}`
  const standard = {
    enabled: true,
    authType: 'basic',
    instanceUrl,
    userName: 'openidm-admin',
    password: 'openidm-admin',
  }
  await writeFile(fileOf(project), `${JSON.stringify({ ...standard, ...content, instanceUrl }, null, 2)}\n`, {
    mode: 0o600,
  })
}

async function readInstance(project: Project) {
  try {
    const content = parseJson(await readFile(fileOf(project), 'utf8'))
    return isObject(content) ? content : {}
  } catch (error) {
    // A file that cannot be parsed is an edit by the user: do not replace it.
    return error instanceof SyntaxError ? {} : undefined
  }
}

function portOf(instanceUrl: unknown): number | undefined {
  if (typeof instanceUrl !== 'string' || !URL.canParse(instanceUrl)) return undefined
  const { protocol, hostname, port, pathname } = new URL(instanceUrl)
  const ours = protocol === 'https:' && hostname === HOST && pathname === PATH && port !== ''
  return ours ? Number(port) : undefined
}
