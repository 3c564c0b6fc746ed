/** What comes back from a vendor's consent page is taken only when it is the answer to the request that was made. */
import { describe, expect, test } from 'vitest'
import { readAuthorizationAnswer } from '../../../src/auth/tokens/authorization-answer.ts'
import { tokenRefusal } from './token-refusal.ts'

const state = 'the-state-of-this-request'
const issuer = 'https://acme.example'

describe('a code is taken', () => {
  test.each([
    ['with nothing else', `code=c1&state=${state}`, undefined],
    ['with the issuer that was asked', `code=c1&state=${state}&iss=https%3A%2F%2Facme.example`, issuer],
    ['without an issuer, because few vendors send one', `code=c1&state=${state}`, issuer],
    ['with an issuer that nobody knows', `code=c1&state=${state}&iss=https%3A%2F%2Felse.example`, undefined],
    ['with parameters of the vendor’s own', `code=c1&state=${state}&shop=a.example&scope=a%20b`, issuer],
  ])('%s', (_case, query, expected) => {
    expect(readAuthorizationAnswer(new URLSearchParams(query), { state, issuer: expected })).toEqual({ code: 'c1' })
  })
})

describe('refused', () => {
  test.each([
    ['another state', 'code=c1&state=another', 'The answer belongs to another request.'],
    ['a state that is longer', `code=c1&state=${state}x`, 'The answer belongs to another request.'],
    ['no state', 'code=c1', 'The answer belongs to another request.'],
    ['an empty state', 'code=c1&state=', 'The answer belongs to another request.'],
    ['no code', `state=${state}`, 'The answer has neither a code nor an error.'],
    ['an empty code', `code=&state=${state}`, 'The answer has neither a code nor an error.'],
    ['a code with a line end', `code=a%0Ab&state=${state}`, 'The answer has neither a code nor an error.'],
    ['an endless code', `code=${'a'.repeat(16_385)}&state=${state}`, 'The answer has neither a code nor an error.'],
    ['two codes', `code=c1&code=c2&state=${state}`, 'The answer has a parameter twice (RFC 6749 §3.1).'],
    ['two states', `code=c1&state=${state}&state=${state}`, 'The answer has a parameter twice (RFC 6749 §3.1).'],
    ['two shops', `code=c1&state=${state}&shop=a&shop=b`, 'The answer has a parameter twice (RFC 6749 §3.1).'],
    [
      'another issuer',
      `code=c1&state=${state}&iss=https%3A%2F%2Fevil.example`,
      'The answer comes from another authorization server than the one that was asked.',
    ],
    [
      'an issuer with a slash more',
      `code=c1&state=${state}&iss=https%3A%2F%2Facme.example%2F`,
      'The answer comes from another authorization server than the one that was asked.',
    ],
    [
      'an error of another issuer',
      `error=access_denied&state=${state}&iss=https%3A%2F%2Fevil.example`,
      'The answer comes from another authorization server than the one that was asked.',
    ],
    ['an error without the state', 'error=access_denied', 'The answer belongs to another request.'],
  ])('%s', async (_case, query, message) => {
    expect(await explain(query)).toMatchObject({ kind: 'refused', error: undefined, message })
  })

  test('an expected state that is empty expects nothing', async () => {
    const read = async () => readAuthorizationAnswer(new URLSearchParams('code=c1&state='), { state: '' })
    expect(await tokenRefusal(read())).toMatchObject({ kind: 'refused' })
  })
})

describe('of a server that always says who it is', () => {
  const read = async (query: string) =>
    readAuthorizationAnswer(new URLSearchParams(query), { state, issuer, sendsIssuer: true })

  test.each([`code=c1&state=${state}`, `error=access_denied&state=${state}`, `code=c1&state=${state}&iss=`])(
    'an answer that does not is refused: %s',
    async query => {
      const message = query.endsWith('iss=')
        ? 'The answer comes from another authorization server than the one that was asked.'
        : 'The answer does not say which authorization server it comes from, as that one always does (RFC 9207).'
      expect(await tokenRefusal(read(query))).toMatchObject({ kind: 'refused', error: undefined, message })
    },
  )

  test('an answer that does is taken', async () => {
    expect(await read(`code=c1&state=${state}&iss=${encodeURIComponent(issuer)}`)).toEqual({ code: 'c1' })
  })
})

describe('the vendor’s error', () => {
  test('is told with its description', async () => {
    const query = `error=access_denied&error_description=The%20user%20said%20no&state=${state}`
    expect(await explain(query)).toMatchObject({
      kind: 'refused',
      error: 'access_denied',
      message: 'The vendor gave no consent: access_denied: The user said no',
    })
  })

  test('comes before a code', async () => {
    expect(await explain(`error=server_error&code=c1&state=${state}`)).toMatchObject({ error: 'server_error' })
  })

  test('forges no line, turns no text, repeats no state and is cut', async () => {
    const { error, message } = await explain(
      `error=${'e'.repeat(200)}&error_description=a%0D%0Alog%3A%20%E2%80%AEforged%20${state}&state=${state}`,
    )
    expect(error).toHaveLength(100)
    expect(message.length).toBeLessThanOrEqual(300)
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(message).not.toContain(state)
    expect(message).toContain('a log: forged ***')
  })
})

async function explain(query: string) {
  return await tokenRefusal((async () => readAuthorizationAnswer(new URLSearchParams(query), { state, issuer }))())
}
