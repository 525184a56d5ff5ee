import type { JsonObject } from '../../contract.ts'
import { stopSignal } from '../../gateway/project/signals.ts'
import { type CommandIo, Interrupted } from '../command.ts'
import type { ApiOptions, GatewayApi } from '../gateway-api.ts'
import { reconCommand } from './next-command.ts'
import { follow } from './progress.ts'

/**
 * Prints the id of a run that has been started, and follows it to its end. Ctrl-C leaves a run of another process, and
 * interrupts a run of this one after the rows under way; the second Ctrl-C ends the process.
 * @param what `plan of NAME`, `run of NAME`
 * @returns the run in its final state
 * @throws Interrupted after Ctrl-C or SIGTERM
 */
export async function followRun(
  api: GatewayApi,
  started: JsonObject,
  what: string,
  options: ApiOptions,
  io: CommandIo,
): Promise<JsonObject> {
  const id = String(started._id)
  const end = new AbortController()
  const leave = new AbortController()
  void stopSignal(end.signal).then(() => leave.abort())
  // After the signals are caught: its reader may send one at once.
  io.stderr.write(`Run ${id}: ${what}\n`)
  try {
    return await follow(api, id, io.stderr, leave.signal)
  } catch (error) {
    const text = (...words: string[]) => `  ${reconCommand(options, io, ...words)}`
    if (!leave.signal.aborted) {
      if (!api.isOwn)
        io.stderr.write(
          `The run is no longer followed. To follow it again, or to resume it if it was interrupted:\n${text('follow', id)}\n${text('resume', id)}\n`,
        )
      throw error
    }
    if (!api.isOwn)
      throw new Interrupted(
        ['The run goes on at the gateway. Follow it, or stop it:', text('follow', id), text('cancel', id)].join('\n'),
      )
    io.stderr.write('Finishing what is under way; a second Ctrl-C ends the command at once\n')
    await api.close()
    throw new Interrupted(['The run is interrupted. Resume it:', text('resume', id)].join('\n'))
  } finally {
    end.abort()
  }
}
