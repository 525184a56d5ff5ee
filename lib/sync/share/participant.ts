import type { Disposable, Logger } from '../../contract.ts'
import { conflict, internalError } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { runHop } from '../context/awaited-links.ts'
import type { RunServices } from '../context/run-context.ts'
import type { MappingRegistry } from '../mapping/registry.ts'
import { type DigestSources, planDigest } from '../plan/digest.ts'
import { Session } from './session.ts'
import { type JoinTask, neighboursOf, parseTask, printAnswer, printError } from './tasks.ts'

export interface RunParticipantOptions {
  readonly services: RunServices & {
    readonly accessOf: (caller: RequestContext) => Pick<RunServices, 'connection' | 'scripts'>
  }
  readonly mappings: MappingRegistry
  readonly digests: DigestSources
  readonly log: Logger
}

/** How long a participant keeps what it has prepared for a run without tasks of it. */
const IDLE_MS = 60_000

/** Carries out rows of runs that other processes coordinate. */
export class RunParticipant implements Disposable {
  readonly #options: RunParticipantOptions
  readonly #sessions = new Map<number, Session>()
  #isClosed = false

  constructor(options: RunParticipantOptions) {
    this.#options = options
  }

  /** Carries out a task. Never rejects. @param signal ends it early */
  async answer(text: string, signal: AbortSignal): Promise<string> {
    try {
      if (this.#isClosed) throw conflict('This node takes no tasks')
      const task = parseTask(text)
      if (task.type === 'join') {
        await this.#join(task)
        return printAnswer(null)
      }
      const session = this.#sessions.get(task.ticket)
      if (!session) throw conflict('This node no longer takes part in the reconciliation')
      if (task.type === 'window') return printAnswer(await session.carryOut(task, signal))
      await session.leave()
      return printAnswer(null)
    } catch (error) {
      this.#options.log.debug({ err: error }, 'a task of a reconciliation was not carried out')
      return printError(error)
    }
  }

  /** Resolves when no request is under way any more. */
  async dispose(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#sessions.values()].map((session) => session.leave()))
  }

  /** @throws conflict when what is in force here is not what the run was started with */
  async #join(task: JoinTask): Promise<void> {
    const { services, mappings, digests, log } = this.#options
    const all = mappings.all().map(({ mapping }) => mapping)
    const configured = mappings.find(task.mapping)
    if (!configured || neighboursOf(all) !== task.neighbours) throw conflict(`${task.mapping}: ${OTHER}`)
    const owner = all.find(({ name }) => name === configured.mapping.links)
    const digest = await planDigest({ ...configured, owner, overrides: task.options.overrides }, digests)
    if (digest.value !== task.options.digest?.value) throw conflict(`${task.mapping}: ${OTHER}`)
    if (!services.runs.participants) throw internalError('Runs are carried out by one process')
    const access = services.accessOf({ syncChain: [runHop(task.mapping)] })
    const parts = { ...services, ...access, ...configured, mappings: all, log }
    const leave = () => this.#sessions.delete(task.ticket)
    this.#sessions.set(task.ticket, await Session.open({ parts, task, leave, idleMs: IDLE_MS }))
  }
}

const OTHER = 'this node has other mappings or scripts in force than the reconciliation was started with'
