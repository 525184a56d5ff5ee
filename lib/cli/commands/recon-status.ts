import type { JsonObject } from '../../contract.ts'
import type { Command } from '../command.ts'
import { apiNotes, apiOptions, withApi } from '../recon/open-api.ts'
import { existingRun, json, runLine, runText } from '../recon/run-text.ts'

export const reconStatus: Command = {
  name: 'recon status',
  summary: 'Shows the reconciliations that the gateway remembers, or one of them.',
  options: { run: { value: 'ID', description: 'show this one, with what failed' }, ...apiOptions },
  notes: apiNotes,

  run: (values, io) =>
    withApi(values, io, async (api) => {
      const id = values.text('run')
      if (id !== undefined) {
        const run = await existingRun(api, id)
        io.stdout.write(values.flag('json') ? json(run) : await runText(api, run))
        return 0
      }
      const { reconciliations = [] } = (await api.read('recon')) ?? {}
      const runs = reconciliations as JsonObject[]
      io.stdout.write(values.flag('json') ? json(runs) : runs.map((run) => `${runLine(run)}\n`).join(''))
      return 0
    }),
}
