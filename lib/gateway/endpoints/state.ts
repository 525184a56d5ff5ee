import type { ConfigDirectory } from '../../config/files/directory.ts'
import type { ConfigurationFileFault, JsonObject } from '../../contract.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import { noticesOf } from '../configuration/notices.ts'
import type { RecentErrors } from '../project/recent-errors.ts'
import { listed, resource } from './listed.ts'

/**
 * `gateway/faults`: what of the files in `conf/` is not in force, as `doctor` shows it: `{ "kind", "file", "key", "what",
 * "cure" }`; a `fault` is wrong, a `notice` has no effect.
 */
export const faults = (directory: Pick<ConfigDirectory, 'faults' | 'notices'>) => {
  const rows = (kind: string, found: Iterable<ConfigurationFileFault>) =>
    noticesOf(found).map((notice) => ({ kind, ...notice }))
  return listed('gateway/faults', () =>
    [...rows('fault', [...directory.faults().values()].flat()), ...rows('notice', directory.notices())].map(
      (content, index) => resource(String(index + 1), content),
    ),
  )
}

/** `gateway/log`: the last warnings and errors of this process, the latest first. */
export const recentErrors = (recent: RecentErrors) =>
  listed('gateway/log', () =>
    recent.entries.map((entry: JsonObject) => resource(String(entry._id), withoutIdentity(entry))),
  )
