import { mkdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { StartError, startError } from './start-error.ts'

const FOLDERS = ['conf', 'security', 'resolver', 'script', 'db'] as const

/** The directory a gateway runs on; absolute paths. */
export type Project = Readonly<Record<'dir' | (typeof FOLDERS)[number], string>>

/**
 * Opens a project directory and makes the folders that are missing in it.
 * @throws StartError when the directory is not there, or a folder cannot be made
 */
export async function openProject(path: string): Promise<Project> {
  const dir = resolve(path)
  try {
    if (!(await stat(dir)).isDirectory()) throw new StartError(`${dir}: is not a directory`)
  } catch (error) {
    throw startError(dir, error)
  }
  for (const name of FOLDERS) await makeFolder(join(dir, name))
  const folder = (name: (typeof FOLDERS)[number]): string => join(dir, name)
  return {
    dir,
    conf: folder('conf'),
    security: folder('security'),
    resolver: folder('resolver'),
    script: folder('script'),
    db: folder('db'),
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o750 })
  } catch (error) {
    throw startError(path, error)
  }
}

/** The server's certificate and key, PEM: `security/server.pem` and `security/server-key.pem`. */
export async function readServerCertificate({ security }: Project): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = await Promise.all([
    readText(join(security, 'server.pem')),
    readText(join(security, 'server-key.pem')),
  ])
  return { certificate, key }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw startError(`HTTPS needs ${file}, which cannot be read`, error)
  }
}
