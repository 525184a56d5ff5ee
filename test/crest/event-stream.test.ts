import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EventStream, type EventStreamOptions } from '../../lib/crest/http/event-stream.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { openEvents } from '../helpers/events.ts'
import { openRaw } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'

/** A server whose answers are streams. */
async function startStreams(options: EventStreamOptions = {}) {
  const streams: EventStream[] = []
  const server = createServer((_request: IncomingMessage, response: ServerResponse) => {
    streams.push(new EventStream(response, options))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const first = () => until(() => streams[0], 'a stream is open')
  return { port, url: `http://127.0.0.1:${port}/`, first }
}

describe('a stream of events', () => {
  it('passes them on at once, with ids, and ends', async () => {
    const { url, first } = await startStreams()
    const events = await openEvents(url, {})
    assert.deepEqual(
      ['content-type', 'x-accel-buffering', 'cache-control'].map((name) => events.headers[name]),
      ['text/event-stream', 'no', 'no-store, no-transform'],
    )
    const stream = await first()
    stream.send('run', '{"n":1}', 'a')
    await until(() => events.received.length === 1)
    stream.end('end')
    await until(() => events.isOver)
    assert.deepEqual(events.received, [
      { name: 'run', id: 'a', data: { n: 1 } },
      { name: 'end', id: undefined, data: {} },
    ])
    assert.equal(stream.closed.aborted, true)
    stream.send('run', '{}')
    stream.end()
  })

  it('shows that it is there, and knows when the caller is gone', async () => {
    const { url, first } = await startStreams({ heartbeatMs: 20 })
    const events = await openEvents(url, {})
    await until(() => events.comments > 2)
    const stream = await first()
    events.close()
    await until(() => stream.closed.aborted)
  })

  it('keeps only the last event of each name for a caller that does not read', async () => {
    const { port, first } = await startStreams()
    const connection = await openRaw(port)
    connection.socket.pause()
    await connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const stream = await first()
    const filler = JSON.stringify('x'.repeat(1000))
    let sent = 0
    await until(() => {
      for (let n = 0; n < 100 && !stream.isBlocked; n++) stream.send('run', filler, String(sent++))
      return stream.isBlocked
    })
    for (let n = 0; n < 100_000; n++) stream.send('run', filler, 'old')
    stream.send('plan', '{}', 'plan')
    stream.send('run', '{}', 'latest')
    connection.socket.resume()
    await until(() => connection.received.includes('id: latest'))
    assert.equal(connection.received.includes('id: old'), false)
    assert.equal(connection.received.includes('id: plan'), true)
    assert.equal(stream.isBlocked, false)
  })

  it('cuts a caller off that reads nothing for too long, also at the end', async () => {
    for (const ends of [false, true]) {
      const { port, first } = await startStreams({ heartbeatMs: 20, stallMs: 100 })
      const connection = await openRaw(port)
      connection.socket.pause()
      await connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      const stream = await first()
      const filler = JSON.stringify('x'.repeat(1_000_000))
      // The system takes some before the caller is felt.
      let looks = 0
      await until(() => {
        looks = stream.isBlocked ? looks + 1 : 0
        stream.send('run', filler)
        return looks > 2
      })
      if (ends) stream.end('end')
      await until(() => stream.closed.aborted)
    }
  })
})
