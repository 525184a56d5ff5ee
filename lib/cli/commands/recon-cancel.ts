import type { Command } from '../command.ts'
import { apiNotes, apiOptions, withApi } from '../recon/open-api.ts'
import { existingRun, json } from '../recon/run-text.ts'

export const reconCancel: Command = {
  name: 'recon cancel',
  operands: ['RUN'],
  summary: 'Stops a reconciliation; what it has done stays.',
  options: apiOptions,
  notes: apiNotes,

  run: (values, io) =>
    withApi(values, io, async (api) => {
      const id = values.operand(0)
      await existingRun(api, id)
      const answer = await api.action(`recon/${encodeURIComponent(id)}`, 'cancel', {}, null)
      io.stdout.write(values.flag('json') ? json(answer) : `${id} is being canceled\n`)
      return 0
    }),
}
