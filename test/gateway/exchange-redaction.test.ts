/** What is kept of an exchange holds no credential and nothing that a rule names, in whatever form it comes. */

import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAwsSigner } from '../../src/auth/aws-signature.ts'
import { createOAuth1Signer } from '../../src/auth/oauth1-signature.ts'
import type { Injection } from '../../src/auth/strategy.ts'
import { keep } from './keep-answer.ts'

describe('headers', () => {
  test.each([
    'authorization',
    'Proxy-Authorization',
    'Cookie',
    'set-cookie',
    'X-Api-Key',
    'x_api_key',
    'apikey',
    'x-auth-token',
    'X-Auth',
    'x-csrf-token',
    'x-hub-signature',
    'Ocp-Apim-Subscription-Key',
    'x-amz-security-token',
    'client-secret',
    'x-password',
    'x-session',
  ])('%s is never kept', async name => {
    const { responseHeaders } = await keep('', { headers: { [name]: 'canary' } })
    expect(responseHeaders).toEqual([{ name, value: '[redacted]' }])
  })

  test('that say nothing of anybody are kept, and others when no rule names them', async () => {
    const headers = {
      'content-type': 'text/plain',
      etag: '"1"',
      'x-request-id': 'r',
      'idempotency-key': 'i',
      'x-own': 'o',
    }
    expect((await keep('', { headers })).responseHeaders.map(({ value }) => value)).toEqual(Object.values(headers))
    const ruled = await keep('', { headers, rules: ['x-own'] })
    expect(ruled.responseHeaders.at(-1)).toEqual({ name: 'x-own', value: '[redacted]' })
  })

  test('that repeat the credential are not kept', async () => {
    const injection = { headers: { authorization: 'Bearer canary-token' } }
    const { responseHeaders } = await keep('', { headers: { 'x-echo': 'was canary-token' }, injection })
    expect(responseHeaders).toEqual([{ name: 'x-echo', value: '[redacted]' }])
  })
})

describe('JSON bodies', () => {
  test('lose the values that rules name, and nothing else', async () => {
    const body =
      '{"id":12345678901234567890,"user":{"email":"canary","name":"Ann"},"list":[{"pin":1},{"pin":2}],"a.b":"canary"}'
    const rules = ['$.user.email', '$.list[-1].pin', "$['a.b']", '$.missing.thing', '$.id.inner', '$.list.pin']
    expect((await keep(body, { rules })).text).toBe(
      '{"id":12345678901234567890,"user":{"email":"[redacted]","name":"Ann"},"list":[{"pin":1},{"pin":"[redacted]"}],"a.b":"[redacted]"}',
    )
  })

  test.each([
    ['a name that comes twice', '{"pin":"canary","pin":"x"}', '$.pin'],
    ['a name that is the prototype’s', '{"__proto__":"canary"}', "$['__proto__']"],
    ['whole objects', '{"pin":{"deep":["canary"]}}', '$.pin'],
    ['null', '{"pin":null,"other":"x"}', '$.pin'],
  ])('lose %s', async (_name, body, rule) => {
    const { text } = await keep(body, { rules: [rule] })
    expect(text).not.toContain('canary')
    expect(text).toContain('[redacted]')
    expect(({} as Record<string, unknown>).pin).toBeUndefined()
  })

  test.each([
    ['no JSON', 'pin=canary', {}],
    ['broken', '{"pin":"canary"', {}],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), {}],
    ['cut off', `{"pin":"canary","long":"${'x'.repeat(100)}"}`, { maxBytes: 50 }],
    ['empty but for a space', ' ', {}],
    ['compressed by what is not known', 'canary', { headers: { 'content-encoding': 'exotic' } }],
  ])('that are %s are not kept at all where a rule is about bodies', async (_name, body, more) => {
    const kept = await keep(body, { rules: ['$.pin'], ...more })
    expect(kept.body).toMatchObject({ bytes: null, omitted: 'The redaction rules apply to whole JSON bodies only.' })
  })

  test('that are compressed are decoded first', async () => {
    const headers = { 'content-encoding': 'gzip' }
    const body = gzipSync('{"pin":"canary"}')
    expect((await keep(body, { headers, rules: ['$.pin'] })).text).toBe('{"pin":"[redacted]"}')
    expect((await keep(body, { headers })).text).toBe('{"pin":"canary"}')
  })

  test('of any shape lose what a rule names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string({ minLength: 1, maxLength: 8 }), fc.nat(2)), { minLength: 1, maxLength: 4 }),
        fc.json(),
        async (path, filler) => {
          const value = path.reduceRight<unknown>(
            (inner, step) =>
              typeof step === 'number'
                ? [...Array.from({ length: step }, () => JSON.parse(filler)), inner]
                : { before: JSON.parse(filler), ...Object.fromEntries([[step, inner]]) },
            'the-canary',
          )
          const rule = `$${path.map(step => (typeof step === 'number' ? `[${step}]` : `['${step.replaceAll(/[\\']/g, '\\$&')}']`)).join('')}`
          const { text, body } = await keep(JSON.stringify(value), { rules: [rule], maxBytes: 100_000 })
          expect(text ?? body?.omitted).not.toContain('the-canary')
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('credentials that the vendor repeats', () => {
  test.each<[string, Partial<Injection>, string]>([
    ['a token', { headers: { authorization: 'Bearer canary-token' } }, 'said: Bearer canary-token!'],
    ['the token alone', { headers: { authorization: 'Bearer canary-token' } }, '{"token":"canary-token"}'],
    ['a key in the query', { query: { key: 'canary/key+1' } }, 'https://a.example/?key=canary%2Fkey%2B1'],
    ['a field of the body', { body: { key: 'canary"key' } }, '{"key":"canary\\"key"}'],
    [
      'a pair',
      { headers: { authorization: `Basic ${Buffer.from('user:canary-pass').toString('base64')}` } },
      `user canary-pass ${Buffer.from('user:canary-pass').toString('base64')}`,
    ],
    ['in base64', { headers: { 'x-key': 'canary-key' } }, `see ${Buffer.from('canary-key').toString('base64')}`],
  ])('are not kept: %s', async (_name, injection, body) => {
    const { text } = await keep(body, { injection })
    expect(text).not.toMatch(/canary/)
    expect(text).not.toContain(Buffer.from('canary').toString('base64').slice(0, 7))
    expect(text).toContain('[redacted]')
  })

  const injection = { headers: { 'x-key': 'canary/key+AbCdEf' } }

  test.each([
    ['JSON of PHP', '{"key":"canary\\/key+AbCdEf","a":1}', {}],
    ['JSON escapes', '{"key":"canary\\u002fkey\\u002BAbCdEf","a":1}', {}],
    ['names of JSON', '{"canary\\u002fkey+AbCdEf":[1,2]}', {}],
    ['JSON in JSON', JSON.stringify({ text: '{"key":"canary\\/key+AbCdEf"}', a: 1 }), {}],
    ['a number of JSON', '{"key":31415926535,"a":"31415926535"}', { injection: { query: { key: '31415926535' } } }],
  ])('leave JSON where it was JSON: %s', async (_name, body, more) => {
    const { text = '' } = await keep(body, { injection, ...more })
    expect(Object.keys(JSON.parse(text))).toHaveLength(Object.keys(JSON.parse(body)).length)
    expect(text).toContain('"[redacted]')
    expect(text).not.toMatch(/canary|AbCd|3141/)
  })

  test.each<[string, string, (text: string) => Buffer]>([
    ['UTF-16', 'text/plain; charset=utf-16le', text => Buffer.from(text, 'utf16le')],
    ['UTF-16 with the high byte first', 'text/plain; charset=utf-16be', text => Buffer.from(text, 'utf16le').swap16()],
    [
      'Shift JIS',
      'text/plain; charset=shift_jis',
      text => Buffer.concat([Buffer.from([0x83, 0x65]), Buffer.from(text)]),
    ],
  ])('are not kept in text of another charset, which is kept as UTF-8: %s', async (_name, contentType, write) => {
    const headers = { 'content-type': contentType }
    const kept = await keep(write('said canary/key+AbCdEf!'), { injection, headers })
    expect(kept.text).toMatch(/^テ?said \[redacted\]!$/)
    expect(kept.body?.charset).toBe('utf-8')
    const harmless = await keep(write('said nothing'), { injection, headers })
    expect(harmless.body).toMatchObject({ bytes: write('said nothing') })
    expect(harmless.body?.charset).toBeUndefined()
  })

  test('are not kept in text whose charset nobody knows', async () => {
    const headers = { 'content-type': 'text/plain; charset=x-ebcdic' }
    const { body } = await keep('anything', { injection, headers })
    expect(body).toMatchObject({ bytes: null, omitted: 'Its charset is not known.' })
    expect((await keep('anything', { headers })).text).toBe('anything')
  })

  test('are not kept where a vendor repeats the name of a pair that is a key', async () => {
    const basic = (pair: string) => ({ headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } })
    const kept = async (pair: string, body: string) => (await keep(body, { injection: basic(pair) })).text
    expect(await kept('canary-key-1:', 'said canary-key-1')).toBe('said [redacted]')
    expect(await kept('canary-key-1:x', 'said canary-key-1')).toBe('said [redacted]')
    expect(await kept('ann@example.com:secret', 'said ann@example.com')).toBe('said ann@example.com')
    expect(await kept('user:secret', 'said user')).toBe('said user')
  })

  test('are not kept where they are part of every signature', async () => {
    const sign = createOAuth1Signer({
      ...{ consumerKey: 'key', consumerSecret: 'canary/one', token: 'token', tokenSecret: 'canary%two' },
      signatureMethod: 'PLAINTEXT',
    })
    const { authorization } = sign(
      { method: 'GET', origin: 'https://a.example', path: '/', headers: [], body: null, isStreamed: false },
      1,
    )
    const { text } = await keep(`${authorization} canary/one canary%two`, { injection: { sign } })
    expect(text).not.toMatch(/canary|two/)
    expect(text).toContain('oauth_signature="[redacted]')
    const session = {
      accessKeyId: 'a',
      secretAccessKey: 's',
      sessionToken: 'canary-session',
      service: 's3',
      region: 'r',
    }
    const { text: aws } = await keep('said canary-session', { injection: { sign: createAwsSigner(session) } })
    expect(aws).toBe('said [redacted]')
  })

  test('are not kept in part where a body is cut off', async () => {
    const injection = { headers: { 'x-key': 'canary-key-of-some-length' } }
    for (let length = 5; length < 30; length += 1) {
      const { text } = await keep(`said canary-key-of-some-length`, { injection, maxBytes: length })
      expect(text).toMatch(/^said (?:c|ca|can|\[redacted\])?$/)
    }
  })

  test('leave a whole body as it is that merely ends like one begins', async () => {
    const injection = { headers: { authorization: 'Bearer canary' } }
    expect((await keep('A Bear', { injection })).text).toBe('A Bear')
  })

  test('that are too short to be told from chance keep the body out', async () => {
    const { body } = await keep('pin 12', { injection: { headers: { 'x-pin': '12' } } })
    expect(body).toMatchObject({ bytes: null, omitted: 'It repeats the credential.' })
  })

  test('leave bytes alone that are no text', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const { body } = await keep(bytes, { injection: { headers: { 'x-key': 'canary-key' } } })
    expect(body?.bytes?.equals(bytes)).toBe(true)
  })
})

test('a body says how long it was, and whether it was cut off', async () => {
  expect((await keep('0123456789', { maxBytes: 4 })).body).toEqual({
    sizeBytes: 10,
    bytes: Buffer.from('0123'),
    isTruncated: true,
    omitted: null,
  })
  expect((await keep('')).body).toBeNull()
})
