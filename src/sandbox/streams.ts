/** Answers that come in pieces: chunked lines and server-sent events. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { createClosedSignal, readInteger, readQuery } from './parameters.ts'

export function addStreams(app: FastifyInstance): void {
  const lines = 'JSON lines in chunks: ?lines= of them (1–1000), ?ms= milliseconds apart (at most 1000).'
  app.get('/stream', { config: { about: lines } }, (request, reply) => {
    const query = readQuery(request)
    const count = readInteger(query, 'lines', { min: 1, max: 1000, fallback: 5 })
    const ms = readInteger(query, 'ms', { min: 0, max: 1000, fallback: 20 })
    return sendPieces(
      reply,
      'application/x-ndjson',
      { count, ms },
      number => `${JSON.stringify({ line: number, of: count })}\n`,
    )
  })

  const events = 'Server-sent events: ?count= of them (1–100), ?ms= milliseconds apart (at most 1000), then the end.'
  app.get('/events', { config: { about: events } }, (request, reply) => {
    const query = readQuery(request)
    const count = readInteger(query, 'count', { min: 1, max: 100, fallback: 3 })
    const ms = readInteger(query, 'ms', { min: 0, max: 1000, fallback: 20 })
    reply.header('cache-control', 'no-store')
    const event = (number: number) =>
      `id: ${number}\nevent: contact.updated\ndata: ${JSON.stringify({ id: `con_000${number % 10}` })}\n\n`
    return sendPieces(reply, 'text/event-stream', { count, ms }, event)
  })
}

interface Pace {
  readonly count: number
  /** Between two pieces. */
  readonly ms: number
}

function sendPieces(
  reply: FastifyReply,
  contentType: string,
  pace: Pace,
  piece: (number: number) => string,
): FastifyReply {
  const signal = createClosedSignal(reply)
  async function* write(): AsyncGenerator<string> {
    for (let number = 1; number <= pace.count && !signal.aborted; number += 1) {
      if (number > 1 && pace.ms > 0) await sleep(pace.ms, undefined, { signal }).catch(() => undefined)
      yield piece(number)
    }
  }
  return reply.type(contentType).send(Readable.from(write(), { objectMode: false }))
}
