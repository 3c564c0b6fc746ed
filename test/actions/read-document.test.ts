/** A document is read in a thread of its own, within memory and time, one after the other. */
import { describe, expect, test } from 'vitest'
import { DocumentReader, type ReadLimits } from '../../src/actions/openapi/read-document.ts'
import { GatewayError } from '../../src/errors.ts'
import { acme } from './document.ts'

const small = '{"openapi":"3.1.0","info":{"title":"T"},"paths":{"/a":{"get":{"operationId":"a"}}}}'

function read(text: string, limits: Partial<ReadLimits> = {}) {
  return new DocumentReader(limits).read({ text, definition: acme() })
}

/** Code and message of what it is refused with. */
async function refusalOf(reading: Promise<unknown>): Promise<string> {
  const error: unknown = await reading.then(
    () => 'nothing was refused',
    reason => reason,
  )
  if (error instanceof GatewayError) return `${error.code}: ${error.message}`
  throw error
}

test('what it holds comes back, with the hash of its text', async () => {
  const { imported, sha256 } = await read(small)
  expect(imported).toMatchObject({ title: 'T', actions: [{ name: 'a', method: 'GET', path: '/a' }], skipped: [] })
  expect(sha256).toMatch(/^[0-9a-f]{64}$/)
})

describe('is refused', () => {
  test.each([
    [
      'brackets without end',
      `{"openapi":"3.1.0","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
      'is nested deeper than 200 levels',
    ],
    ['lists without end in YAML', '- '.repeat(50_000), 'is nested deeper than it can be read'],
  ])('%s', async (_what, text, reason) => {
    expect(await refusalOf(read(text))).toBe(`INVALID_INPUT: The document ${reason}.`)
  })

  test('more than its memory, and the process goes on', async () => {
    const long = `{"openapi":"3.1.0","info":{},"x":[${Array.from({ length: 600_000 }, () => '{"a":{}}').join(',')}]}`
    expect(await refusalOf(read(long, { memoryMb: 16 }))).toBe(
      'INVALID_INPUT: The document takes more than 16 MiB to read.',
    )
    expect((await read(small)).imported.actions).toHaveLength(1)
  })

  test('more than its time', async () => {
    expect(await refusalOf(read(small, { timeoutMs: 1 }))).toBe(
      'INVALID_INPUT: The document takes more than 0.001 s to read.',
    )
  })
})

test('others wait for their turn, so many of them and no more', async () => {
  const reader = new DocumentReader({ waiting: 2 })
  const readings = Array.from({ length: 5 }, () => reader.read({ text: small, definition: acme() }))
  const settled = await Promise.allSettled(readings)
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
  expect(settled[4]).toMatchObject({ reason: { code: 'OVERLOADED', retryAfterMs: 5000 } })
  expect((await reader.read({ text: small, definition: acme() })).imported.actions).toHaveLength(1)
})

test('one that is refused keeps nobody from reading the next', async () => {
  const reader = new DocumentReader()
  const [bad, good] = await Promise.allSettled(
    ['no document', small].map(text => reader.read({ text, definition: acme() })),
  )
  expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled'])
})
