import type { Command } from '../command.ts'
import { apiNotes, apiOptions, withApi } from '../recon/open-api.ts'
import { json } from '../recon/run-text.ts'

export const reconMappings: Command = {
  name: 'recon mappings',
  summary: 'Lists the mappings in the order in which they are processed.',
  options: apiOptions,
  notes: apiNotes,

  run: (values, io) =>
    withApi(values, io, async (api) => {
      const mappings = await api.query('sync/mappings', { _queryFilter: 'true' })
      const lines = mappings.map(({ _id, source, target, error }) => {
        const line = `${String(_id)}: ${String(source)} → ${String(target)}\n`
        return error === undefined ? line : `${line}  fault: ${String(error)}\n`
      })
      io.stdout.write(values.flag('json') ? json(mappings) : lines.join(''))
      return 0
    }),
}
