/** What a caller writes is read in linear time: a megabyte made to mislead costs no more than a harmless one. */
import { expect, test } from 'vitest'
import { parseExactJson } from '../../src/passthrough/exact-json.ts'
import type { PassthroughInput } from '../../src/passthrough/request.ts'
import { createCore, refusalOf } from '../support/passthrough-core.ts'

const core = createCore({ url: 'https://api.acme.example' })
const long = 1_000_000

/** In squared time each of these takes minutes; the test's own time limit is what notices. */
const inputs: Record<string, [input: Partial<PassthroughInput>, message: string]> = {
  'blanks inside a header': [
    { headers: { a: `x${' '.repeat(long)}x` } },
    'The headers have 1000042 bytes; at most 32768 are sent.',
  ],
  'tabs in every item of a header': [
    { headers: { a: [`x${'\t'.repeat(long)}x`] } },
    'The headers have 1000042 bytes; at most 32768 are sent.',
  ],
  'padding inside base64': [
    { method: 'POST', body: `${'='.repeat(long)}A`, options: { bodyFormat: 'BASE64' } },
    'body takes base64 text; got text that is not base64.',
  ],
  'slashes at the end of a base URL': [
    { options: { baseUrl: `https://api.acme.example${'/'.repeat(16_000)}x`, pathParams: { a: 1 } } },
    'The path has no placeholder {a} for options.pathParams.a.',
  ],
  'braces in a path': [
    { path: `/${'{a'.repeat(8000)}` },
    'path has a brace that is no {name} placeholder; write %7B and %7D for literal braces.',
  ],
  'headers by the hundred thousand': [
    { headers: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`x-${i}`, i])) },
    '100000 headers are more than 100.',
  ],
  'fields by the hundred thousand': [
    { method: 'POST', body: { a: Array(100_000).fill('x') }, options: { bodyFormat: 'FORM' } },
    'body has more than 10000 parameters.',
  ],
  'parts by the hundred thousand': [
    { method: 'POST', body: { a: Array(100_000).fill('x') }, options: { bodyFormat: 'MULTIPART' } },
    'body has more than 10000 fields and files.',
  ],
}

test.each(Object.entries(inputs))('%s', async (_, [input, message]) => {
  expect(await refusalOf(core.plan(input))).toMatchObject({ code: 'INVALID_INPUT', message })
})

test('zeros inside a number', () => {
  const number = `0.1${'0'.repeat(long)}1`
  expect(JSON.stringify(parseExactJson(`[${number}]`))).toBe(`[${number}]`)
})
