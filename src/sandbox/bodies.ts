/** Answers that are not plain JSON objects: bytes, images, other charsets and formats, numbers beyond a double, repeated headers. */
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { readInteger, readQuery } from './parameters.ts'
import type { Records } from './records.ts'

const maxBytes = 1024 * 1024

export function addBodies(app: FastifyInstance, { companies, deals }: Records): void {
  app.get(
    '/binary',
    { config: { about: 'The same ?bytes= bytes at every request (at most 1 MiB), not valid UTF-8.' } },
    (request, reply) => {
      const length = readInteger(readQuery(request), 'bytes', { min: 0, max: maxBytes, fallback: 1024 })
      return sendBytes(reply, 'application/octet-stream', createBytes(length))
    },
  )

  app.get('/image', { config: { about: 'A PNG of one pixel.' } }, (_request, reply) =>
    sendBytes(reply, 'image/png', Buffer.from(pixel, 'base64')),
  )

  app.get('/text', { config: { about: 'Plain text in UTF-8 with letters beyond ASCII.' } }, (_request, reply) =>
    sendBytes(reply, 'text/plain; charset=utf-8', Buffer.from(greeting)),
  )

  app.get('/latin1', { config: { about: 'Plain text in ISO 8859-1.' } }, (_request, reply) =>
    sendBytes(reply, 'text/plain; charset=iso-8859-1', Buffer.from('Grüße aus Málaga, ½ heure à pied\n', 'latin1')),
  )

  app.get('/xml', { config: { about: 'The companies as XML.' } }, (_request, reply) => {
    const items = companies.map(
      company => `  <company id="${company.id}"><name>${escapeXml(company.name)}</name></company>\n`,
    )
    const document = `<?xml version="1.0" encoding="UTF-8"?>\n<companies>\n${items.join('')}</companies>\n`
    return sendBytes(reply, 'application/xml', Buffer.from(document))
  })

  app.get('/csv', { config: { about: 'The deals as CSV.' } }, (_request, reply) => {
    const rows = deals.map(deal =>
      [deal.id, `"${deal.title.replaceAll('"', '""')}"`, deal.stage, deal.amount, deal.currency].join(','),
    )
    return sendBytes(
      reply,
      'text/csv; charset=utf-8',
      Buffer.from(['id,title,stage,amount,currency', ...rows, ''].join('\r\n')),
    )
  })

  const numbers = 'JSON whose numbers change when they are parsed as doubles and written again.'
  app.get('/big-integers', { config: { about: numbers } }, (_request, reply) =>
    sendBytes(reply, 'application/json', Buffer.from(bigIntegers)),
  )

  const repeated = 'X-Trace twice and Set-Cookie twice.'
  app.get('/repeated-headers', { config: { about: repeated } }, (_request, reply) => {
    reply.header('x-trace', ['one', 'two'])
    reply.header('set-cookie', ['first=1; Path=/', 'second=2; Path=/; HttpOnly'])
    return { ok: true }
  })

  app.get(
    '/gzip',
    { config: { about: 'JSON with Content-Encoding: gzip, whatever the request accepts.' } },
    (_request, reply) => {
      reply.header('content-encoding', 'gzip')
      return sendBytes(reply, 'application/json', gzipSync(JSON.stringify({ compressed: true, companies })))
    },
  )
}

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const greeting = 'Zażółć gęślą jaźń. こんにちは, мир! 🛂\n'

/** Sent as it stands here: a big integer, spellings of one value, an overflow, a member order that is not sorted. */
const bigIntegers = `{"id": 9007199254740993, "ids": [18446744073709551615, -9007199254740993], "price": 1.0, "rate": 1E+2, \
"tiny": 1e-7, "huge": 1e400, "zero": -0, "text": "9007199254740993", "z": 1, "a": 2}`

function sendBytes(reply: FastifyReply, contentType: string, bytes: Buffer): FastifyReply {
  return reply.type(contentType).send(bytes)
}

function createBytes(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + 255) & 0xff))
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
