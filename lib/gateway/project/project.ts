import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { StartError, startError } from './start-error.ts'

const FOLDERS = ['conf', 'security', 'resolver', 'script', 'db'] as const

/** File name in the project's `db/`. */
export const DATABASE = 'openidm.db'

/** The directories of a gateway project, as absolute paths. */
export type Project = Readonly<Record<'dir' | (typeof FOLDERS)[number], string>>

/**
 * Opens a project directory and creates its missing folders.
 * @throws StartError when the directory does not exist or a folder cannot be created
 */
export async function openProject(path: string): Promise<Project> {
  const dir = await existingDirectory(resolve(path))
  for (const name of FOLDERS) await makeFolder(join(dir, name))
  return projectAt(dir)
}

/** @throws StartError when `dir` does not exist or is not a directory */
export async function existingDirectory(dir: string): Promise<string> {
  try {
    if ((await stat(dir)).isDirectory()) return dir
  } catch (error) {
    throw startError(dir, error)
  }
  throw new StartError(`${dir}: is not a directory`)
}

/** The project that contains the configuration directory `conf`, whatever its name. Creates nothing. */
export const projectOfConf = (conf: string): Project => ({ ...projectAt(dirname(resolve(conf))), conf: resolve(conf) })

const projectAt = (dir: string): Project => ({
  dir,
  conf: join(dir, 'conf'),
  security: join(dir, 'security'),
  resolver: join(dir, 'resolver'),
  script: join(dir, 'script'),
  db: join(dir, 'db'),
})

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o750 })
  } catch (error) {
    throw startError(path, error)
  }
}

/**
 * The server's certificate and key in PEM: `security/server.pem` and `security/server-key.pem`.
 * @throws StartError when a file cannot be read, or the key does not match the certificate
 */
export async function readServerCertificate({ security }: Project): Promise<{ certificate: string; key: string }> {
  const [file, keyFile] = [join(security, 'server.pem'), join(security, 'server-key.pem')]
  const [certificate, key] = await Promise.all([readText(file), readText(keyFile)])
  try {
    createSecureContext({ cert: certificate, key })
  } catch (error) {
    throw startError(`HTTPS requires a certificate in ${file} and its key in ${keyFile}`, error)
  }
  return { certificate, key }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw startError(`HTTPS requires ${file}, which cannot be read`, error)
  }
}
