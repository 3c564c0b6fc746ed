/** Where an access key is looked for, in the forms that clients and vendors' SDKs send it. */
import { expect, test } from 'vitest'
import { readAccessToken } from '../../src/access/token.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

test.each([
  [{ authorization: 'Bearer abc' }, 'abc'],
  [{ authorization: 'bearer  abc ' }, 'abc'],
  [{ authorization: 'token abc' }, 'abc'],
  [{ authorization: 'abc' }, 'abc'],
  [{ authorization: basic('abc:') }, 'abc'],
  [{ authorization: basic(':abc') }, 'abc'],
  [{ authorization: basic('x:abcdef') }, 'abcdef'],
  [{ authorization: basic('abcdef:x') }, 'abcdef'],
  [{ authorization: basic('abcdef') }, 'abcdef'],
  [{ 'x-api-key': 'abc' }, 'abc'],
  [{ authorization: 'Bearer abc', 'x-api-key': 'other' }, 'abc'],
  [{ authorization: '', 'x-api-key': 'abc' }, 'abc'],
  [{ authorization: 'Digest username="x"', 'x-api-key': 'abc' }, 'abc'],
  [{ authorization: basic(':') }, undefined],
  [{}, undefined],
])('%j carries %s', (headers, token) => {
  expect(readAccessToken(headers)).toBe(token)
})
