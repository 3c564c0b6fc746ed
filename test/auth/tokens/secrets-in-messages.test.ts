/** Nothing that was sent to a vendor in confidence comes back in a message, however the vendor repeats it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exchangeAssertion, exchangeBearerJwt, requestTwoStep } from '../../../src/auth/tokens/assertions.ts'
import { exchangeCode, refreshTokens } from '../../../src/auth/tokens/grants.ts'
import { revokeToken } from '../../../src/auth/tokens/revocation.ts'
import type { TokenEndpoint, TokenFetch } from '../../../src/auth/tokens/token-endpoint.ts'
import { tokenRefusal } from './token-refusal.ts'

const url = 'https://acme.example/token'

/** Texts as vendors issue them, and worse; 12 characters at least, so that no sentence holds one by chance. */
const secretText = fc.oneof(
  fc.string({ minLength: 12, maxLength: 60, unit: 'grapheme-ascii' }),
  fc.string({ minLength: 12, maxLength: 60, unit: 'grapheme' }),
  fc.base64String({ minLength: 12, maxLength: 400 }),
)
const secret = secretText.filter(text => text.trim().length >= 12)

/** What vendors do to a text before they repeat it. */
const echoes: Readonly<Record<string, (secret: string) => string>> = {
  asItIs: text => text,
  forUrls: text => encodeURIComponent(text),
  forForms: text => new URLSearchParams({ a: text }).toString().slice(2),
  inLowerCase: text => text.replace(/[A-Z]/g, letter => letter.toLowerCase()),
  forJson: text => JSON.stringify(text),
  forHtml: text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;'),
  inBase64: text => Buffer.from(text).toString('base64'),
  cutOff: text => text.slice(0, -2),
  withoutItsStart: text => text.slice(2),
}

const requests: Readonly<
  Record<string, (secrets: readonly [string, string], endpoint: TokenEndpoint, fetch: TokenFetch) => Promise<unknown>>
> = {
  refresh: ([one, two], endpoint, fetch) =>
    refreshTokens(endpoint, { clientId: 'client', clientSecret: two }, one, {}, fetch),
  code: ([one, two], endpoint, fetch) =>
    exchangeCode(
      endpoint,
      { clientId: 'client' },
      { code: one, codeVerifier: two, redirectUri: 'https://a.example' },
      fetch,
    ),
  assertion: ([one, two], endpoint, fetch) =>
    exchangeAssertion(endpoint, one, {}, { clientId: 'client', clientSecret: two }, fetch),
  bearer: ([one, two], endpoint, fetch) =>
    exchangeBearerJwt(endpoint, one, { body: JSON.stringify({ key: two }) }, fetch),
  twoStepJson: ([one, two], endpoint, fetch) =>
    requestTwoStep(
      { method: 'POST', url, headers: {}, body: JSON.stringify({ login: { one, two } }) },
      endpoint,
      fetch,
    ),
  twoStepForm: ([one, two], endpoint, fetch) => {
    const body = String(new URLSearchParams({ username: one, password: two }))
    return requestTwoStep({ method: 'POST', url, headers: {}, body }, endpoint, fetch)
  },
  twoStepQuery: ([one, two], endpoint, fetch) =>
    requestTwoStep({ method: 'GET', url: `${url}?${new URLSearchParams({ one, two })}`, headers: {} }, endpoint, fetch),
  twoStepHeaders: ([one, two], endpoint, fetch) => {
    const authorization = `Basic ${Buffer.from(`key:${two}`).toString('base64')}`
    return requestTwoStep(
      { method: 'POST', url, headers: { 'x-api-key': one, Authorization: authorization } },
      endpoint,
      fetch,
    )
  },
  revocation: ([one, two], _endpoint, fetch) =>
    revokeToken(url, { clientId: 'client', clientSecret: two }, one, 'refresh_token', 'body', fetch),
}

/** Where a vendor puts its words. */
const answers: readonly ((words: string) => unknown)[] = [
  words => ({ error: 'invalid_grant', error_description: words }),
  words => ({ error: words }),
  words => ({ error: { code: words, message: words } }),
  words => ({ message: words }),
]

describe.each(Object.keys(requests))('%s', name => {
  test.each(Object.keys(echoes))('repeated %s', async echo => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(secret, secret),
        fc.constantFrom(...answers),
        fc.constantFrom(400, 401, 200, 500),
        fc.constantFrom(undefined, 'json' as const),
        fc.string({ maxLength: 20 }),
        async (secrets, write, status, requestFormat, around) => {
          if (name === 'revocation' && status === 200) return
          const words = secrets.map(text => `${around}${echoes[echo]?.(text)}${around}`).join(' ')
          const fetch: TokenFetch = async () => Response.json(write(words), { status })
          const endpoint = { tokenUrl: url, requestFormat }
          const { message, error = '' } = await tokenRefusal(
            requests[name]?.(secrets, endpoint, fetch) ?? Promise.resolve(),
          )
          for (const text of secrets) {
            // More than a vendor's own words could have by chance.
            for (const piece of piecesOf(text, 10)) expect(`${message}\n${error}`.toLowerCase()).not.toContain(piece)
          }
        },
      ),
      { numRuns: 12 },
    )
  })
})

describe('short secrets', () => {
  test.each(['abcd', 'hunter2'])('%s is masked', async password => {
    expect(await messageFor(password, `wrong password ${password.toUpperCase()}!`)).toBe(
      'The token endpoint answered 400: wrong password ***!',
    )
  })

  test.each(['a', 'xyz'])('where masking would show %s, nothing is told', async password => {
    expect(await messageFor(password, `wrong password "${password}"`)).toBe(
      'The token endpoint answered 400 without a token.',
    )
  })

  test('an error that everybody knows is told all the same', async () => {
    expect(await messageFor('a', 'no', 'invalid_grant')).toBe('The token endpoint answered 400: invalid_grant: no')
  })
})

test('what is public stays readable', async () => {
  const fetch: TokenFetch = async () =>
    Response.json(
      { error: 'invalid_scope', error_description: 'contacts.read is unknown to my-client' },
      { status: 400 },
    )
  const client = { clientId: 'my-client', clientSecret: 'a-client-secret' }
  const endpoint = { tokenUrl: url, clientAuthentication: 'body' as const }
  const { message } = await tokenRefusal(
    refreshTokens(endpoint, client, 'r-e-f-r-e-s-h', { scopes: ['contacts.read'] }, fetch),
  )
  expect(message).toBe('The token endpoint answered 400: invalid_scope: contacts.read is unknown to my-client')
})

async function messageFor(password: string, words: string, error?: string): Promise<string> {
  const fetch: TokenFetch = async () => Response.json({ error, error_description: words }, { status: 400 })
  const request = { method: 'POST', url, headers: {}, body: JSON.stringify({ password }) }
  return (await tokenRefusal(requestTwoStep(request, { tokenUrl: url }, fetch))).message
}

function piecesOf(text: string, length: number): string[] {
  const plain = text.toLowerCase()
  return Array.from({ length: Math.max(0, plain.length - length + 1) }, (_, at) => plain.slice(at, at + length)).filter(
    piece => !/^[\s*]*$/.test(piece),
  )
}
