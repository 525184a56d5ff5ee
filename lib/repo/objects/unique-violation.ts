import { ResourceException } from '../../crest/errors.ts'

/** Another object of the type has the value already. */
export class UniqueViolation extends ResourceException {
  /** As printPointer writes it. */
  readonly property: string

  constructor(property: string) {
    super(409, `Another object has the same value of ${property}`, { detail: { property } })
    this.name = 'UniqueViolation'
    this.property = property
  }
}
