/** `conf/external.idm-platform.json` of the demo: how its gateway reaches the one that plays the remote. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject, parseJson } from '../../lib/core/json.ts'
import type { Project } from '../../lib/gateway/project/project.ts'

const HOST = 'localhost'
const PATH = '/openidm/'

const fileOf = ({ conf }: Project): string => join(conf, 'external.idm-platform.json')

/** The port that the file names; undefined when there is none, or when somebody has pointed it elsewhere. */
export async function rememberedPort(project: Project): Promise<number | undefined> {
  const content = await readInstance(project)
  return content === undefined ? undefined : portOf(content.instanceUrl)
}

/** Writes the file, or the new port into it; a file that was pointed elsewhere stays as it is. */
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
    // A file that cannot be parsed is somebody's edit, too: it is not ours to replace.
    return error instanceof SyntaxError ? {} : undefined
  }
}

function portOf(instanceUrl: unknown): number | undefined {
  if (typeof instanceUrl !== 'string' || !URL.canParse(instanceUrl)) return undefined
  const { protocol, hostname, port, pathname } = new URL(instanceUrl)
  const ours = protocol === 'https:' && hostname === HOST && pathname === PATH && port !== ''
  return ours ? Number(port) : undefined
}
