import { type ContractOptions, type ContractSubject, ContractSuite } from './contract-subject.ts'
import {
  describeCreate,
  describeDelete,
  describePatch,
  describeRead,
  describeUpdate,
} from './resource-contract-objects.ts'
import { describeFilters, describePages } from './resource-contract-queries.ts'

export type { ContractOptions, ContractSubject }

/**
 * What every collection of objects promises, whoever keeps them. `open` is called for each test and returns the
 * collection; what it starts, it has to end itself. The objects hold arbitrary members, and each test looks at its own
 * by their member `run`.
 */
export function describeResourceContract(
  name: string,
  open: () => ContractSubject | Promise<ContractSubject>,
  options: ContractOptions = {},
): void {
  describe(`${name} is a collection`, () => {
    const suite = new ContractSuite(open)
    beforeEach(() => suite.begin())
    describeCreate(suite, options)
    describeRead(suite)
    describeUpdate(suite)
    describePatch(suite, options)
    describeDelete(suite)
    describeFilters(suite, options)
    describePages(suite, options)
  })
}
