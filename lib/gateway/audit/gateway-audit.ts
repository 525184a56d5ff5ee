import type { ConfigurationChange } from '../../config/rest/resource.ts'
import type { FieldsOf } from '../../config/values/secret-place.ts'
import { notFound } from '../../crest/errors.ts'
import { parsePointer, printPointer } from '../../crest/pointer.ts'
import type { RequestContext, ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import { type Access, accessEvent } from './access-event.ts'
import { AuditResource } from './audit-resource.ts'
import { AuditService } from './audit-service.ts'
import { type Operation, recordConfiguration } from './change-event.ts'
import { activityFilter } from './resource-activity.ts'

/** The audit, with what the parts of the gateway tell it. */
export class GatewayAudit extends AuditService {
  /** Records a request that has been answered. */
  readonly answered = (access: Access): void => {
    if (this.wants('access')) this.record('access', accessEvent(access, this.included))
  }

  /** Records changes of the configuration. @param secretFields pointers to secrets in objects of a pid */
  readonly configurationObserver =
    (secretFields: FieldsOf) =>
    ({ id, method, before, after }: ConfigurationChange, context: RequestContext): void => {
      const fields = new Set(secretFields(id.split('/')[0] ?? '').map((field) => printPointer(parsePointer(field))))
      const isSecret = (place: readonly string[]) => fields.has(printPointer(place))
      const operation = method.toUpperCase() as Operation
      recordConfiguration(this, context, { objectId: id, operation, before, after, isSecret })
    }

  /** Serves what is kept, and follows the resources. */
  serve(router: ResourceRouter): void {
    router.add('audit', new AuditResource(this))
    router.add('health/audit', this.#health())
    router.use(activityFilter(this))
  }

  #health(): ResourceHandler {
    return {
      read: async ({ resourcePath }) => {
        if (resourcePath !== '') throw notFound(`Resource 'health/audit/${resourcePath}' not found`)
        return { id: '', revision: null, content: this.status() }
      },
    }
  }
}
