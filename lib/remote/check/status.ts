import type { JsonObject } from '../../contract.ts'
import { badRequest, notFound } from '../../crest/errors.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import type { ActionRequest, QueryRequest, QueryResult, Resource } from '../../crest/protocol/request.ts'
import type { InstanceRegistry, InstanceStatus } from '../instance/registry.ts'
import { runChecklist, type Step } from './checklist.ts'

/** `external/idm` itself: the list of instances, and the action `test` on an instance. Responses hold no secrets. */
export class InstanceStatusResource {
  readonly #registry: InstanceRegistry
  readonly #truststore: string

  /** @param truststore path of the trust store, for the commands in a cure */
  constructor(registry: InstanceRegistry, truststore: string) {
    this.#registry = registry
    this.#truststore = truststore
  }

  query(request: QueryRequest): QueryResult {
    return queryInMemory([...this.#registry.statuses()].map(resourceOf), request)
  }

  /**
   * `POST external/idm/NAME?_action=test`: `{ _id, ok, steps: [{ step, ok, message, cure? }] }`.
   * @throws ResourceException 404 for an unknown instance, 400 for another action
   */
  async action(name: string, { action }: ActionRequest): Promise<JsonObject> {
    if (action !== 'test') throw badRequest(`Action "${action}" is not supported on an instance; valid: "test"`)
    const steps = await this.#steps(name)
    const ok = steps.every((step) => step.ok !== false)
    return {
      _id: name,
      ok,
      steps: steps.map((step) => ({ ...step, message: this.#registry.asWritten(name, step.message) })),
    }
  }

  async #steps(name: string): Promise<Step[]> {
    const status = this.#registry.status(name)
    if (!status) throw notFound(this.#registry.absence(name))
    const instance = this.#registry.get(name)
    if (status.state === 'INVALID' || status.state === 'OUTDATED' || !instance) return [brokenStep(status)]
    return Array.fromAsync(runChecklist(instance, this.#truststore))
  }
}

function brokenStep({ state, lastError }: InstanceStatus): Step {
  if (state === 'DISABLED') {
    return { step: 'configuration', ok: false, message: 'it is disabled', cure: 'set "enabled" to true' }
  }
  const message = lastError?.message ?? 'its configuration is not valid'
  return { step: 'configuration', ok: false, message, cure: 'correct the file; it is reloaded when it is saved' }
}

function resourceOf({ name, since, lastError, ...status }: InstanceStatus): Resource {
  const content: JsonObject = {
    ...status,
    lastError: lastError && { message: lastError.message, time: lastError.time },
    since: since.toISOString(),
  }
  return { id: name, revision: null, content }
}
