import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseStoredJson } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'

/** The folders of a project that a backup has, beside `db/`. */
export const FOLDERS = ['conf', 'security', 'resolver', 'script'] as const

export const MANIFEST = 'manifest.json'
const FORMAT = 1

/** Below the backup, such as `conf/sync.json`: nothing else is ever written to. */
const path = z
  .string()
  .refine((text) => /^(?:conf|security|resolver|script|db)\//.test(text))
  .refine((text) => text.split('/').every((name) => !['', '.', '..'].includes(name) && !name.includes('\\')))

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  /** Of the release that made it. */
  version: z.string(),
  /** Of the tables; null = there is no database. */
  layout: z.int().nullable(),
  time: z.string(),
  withKeys: z.boolean(),
  files: z.array(z.object({ path, size: z.int(), sha256: z.string() })),
})

/** What a backup consists of. */
export type Manifest = z.infer<typeof manifestSchema>

export type BackedUpFile = Manifest['files'][number]

export const newManifest = (parts: Omit<Manifest, 'format'>): Manifest => ({ format: FORMAT, ...parts })

/** @throws StartError when it is missing or no manifest of a backup */
export async function readManifest(backup: string): Promise<Manifest> {
  const file = join(backup, MANIFEST)
  try {
    return manifestSchema.parse(parseStoredJson(await readFile(file, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw startError(`${backup} is no complete backup`, error)
    throw new StartError(`${file}: is not the manifest of a backup that this release can read`)
  }
}

/** Copies a file, readable by its owner only, to a place where there is none. @returns what the copy holds */
export async function copyFile(from: string, to: string): Promise<Omit<BackedUpFile, 'path'>> {
  const hash = createHash('sha256')
  let size = 0
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  await pipeline(createReadStream(from), measure, createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true }))
  return { size, sha256: hash.digest('hex') }
}

/** @returns size and digest of a file */
export async function digestFile(file: string): Promise<Omit<BackedUpFile, 'path'>> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') }
}
