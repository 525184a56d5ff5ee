/** Imports links from a file. */
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { JsonObject } from '../../contract.ts'
import { startError } from '../../gateway/project/start-error.ts'
import type { CommandIo } from '../command.ts'
import { type ApiOptions, type GatewayApi, withApi } from '../gateway-api.ts'
import { widthOf } from '../output.ts'
import { progressBar } from '../progress-bar.ts'
import { json, printable, wrapped } from '../text.ts'
import { linksIn } from './link-file.ts'

export interface LinkImportOptions extends ApiOptions {
  readonly mapping: string
  /** The linkType in the file; default: that of the mapping. */
  readonly type?: string
  readonly dryRun?: boolean
}

/** Bounds of one request. */
const MAX_ENTRIES = 500
const MAX_LENGTH = 512 * 1024

/** Resolves to the exit status: 1 when an entry was not imported. */
export const linkImport = (path: string, options: LinkImportOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const file = resolve(io.cwd, path)
    const { size } = await stat(file).catch((error) => {
      throw startError(file, error)
    })
    const importing = new Import(api, options, (line, reason) =>
      io.stderr.write(`${printable(`${basename(file)}:${line}: ${reason}`)}\n`),
    )
    await importing.begin()
    const bar = progressBar(io.stderr, '{bar} {percentage} %, {links} links', 30)
    if (io.stderr.isTTY) bar.start(size, 0, { links: 0 })
    try {
      for await (const entry of linksIn(file, (bytes) => bar.update(bytes, { links: importing.counts.added })))
        await ('link' in entry
          ? importing.add(entry.line, entry.link)
          : importing.refuse(entry.line, 'invalid', entry.fault))
      await importing.flush()
    } catch (error) {
      if (importing.counts.added > 0) io.stderr.write(`${importing.text}\n`)
      throw error
    } finally {
      bar.stop()
    }
    io.stdout.write(
      options.json ? json(importing.result) : `${wrapped(importing.text, widthOf(io.stdout)).join('\n')}\n`,
    )
    return importing.isComplete ? 0 : 1
  })

/** Sends the entries of a file in batches, and counts the results. */
class Import {
  readonly counts = { added: 0, unchanged: 0, conflict: 0, invalid: 0 }
  readonly #api: GatewayApi
  readonly #options: LinkImportOptions
  readonly #report: (line: number, reason: string) => void
  /** Links of other types in the file. */
  readonly #others = new Map<string, number>()
  #type = ''
  #batch: { readonly line: number; readonly link: JsonObject }[] = []
  #length = 0

  constructor(api: GatewayApi, options: LinkImportOptions, report: (line: number, reason: string) => void) {
    this.#api = api
    this.#options = options
    this.#report = report
  }

  /** @throws StartError when the mapping takes no links */
  async begin(): Promise<void> {
    this.#type = String((await this.#send([])).linkType)
  }

  async add(line: number, { linkType, linkQualifier, firstId, secondId }: JsonObject): Promise<void> {
    const type = linkType ?? null
    if (type !== null && type !== (this.#options.type ?? this.#type)) {
      const name = String(type)
      this.#others.set(name, (this.#others.get(name) ?? 0) + 1)
      return
    }
    const link = { linkQualifier: linkQualifier ?? null, firstId: firstId ?? null, secondId: secondId ?? null }
    this.#batch.push({ line, link })
    this.#length += JSON.stringify(link).length
    if (this.#batch.length >= MAX_ENTRIES || this.#length >= MAX_LENGTH) await this.flush()
  }

  refuse(line: number, kind: 'invalid' | 'conflict', reason: string): void {
    this.counts[kind] += 1
    this.#report(line, reason)
  }

  async flush(): Promise<void> {
    if (this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    this.#length = 0
    const { added, unchanged, refused } = await this.#send(batch.map(({ link }) => link))
    this.counts.added += Number(added)
    this.counts.unchanged += Number(unchanged)
    for (const { index, kind, reason } of refused as unknown as { index: number; kind: string; reason: string }[])
      this.refuse(batch[index]?.line ?? 0, kind === 'conflict' ? 'conflict' : 'invalid', reason)
  }

  get isComplete(): boolean {
    const { added, unchanged, conflict, invalid } = this.counts
    return conflict + invalid === 0 && (added + unchanged > 0 || this.#others.size === 0)
  }

  get result(): JsonObject {
    const { mapping, dryRun = false } = this.#options
    return { mapping, linkType: this.#type, dryRun, ...this.counts, otherTypes: Object.fromEntries(this.#others) }
  }

  get text(): string {
    const { mapping, dryRun = false } = this.#options
    const { added, unchanged, conflict, invalid } = this.counts
    const others = [...this.#others].map(([type, count]) => `${type} (${count})`)
    const none = added + unchanged + conflict + invalid === 0 ? ': name one of them with --type' : ''
    return [
      `${mapping}: ${added} ${dryRun ? 'would be added' : 'added'}, ${unchanged} unchanged`,
      conflict > 0 ? `, ${conflict} in conflict with other links` : '',
      invalid > 0 ? `, ${invalid} invalid` : '',
      others.length > 0 ? `; left out links of other types: ${others.join(', ')}${none}` : '',
    ].join('')
  }

  #send(links: JsonObject[]): Promise<JsonObject> {
    const { mapping, dryRun = false } = this.#options
    return this.#api.action('repo/link', 'import', { mapping, dryRun: String(dryRun) }, { links })
  }
}
