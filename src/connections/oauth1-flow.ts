/** The three legs of OAuth 1.0a (RFC 5849 §2): a request token, the vendor's page, an access token. */
import { randomBytes } from 'node:crypto'
import type { CredentialOf } from '../auth/credential.ts'
import { secretsFor } from '../auth/oauth1.ts'
import { createOAuth1Signer } from '../auth/oauth1-signature.ts'
import type { EntryOf } from '../auth/scheme.ts'
import { parseTemplate, renderTemplate } from '../auth/template.ts'
import { readAnswerText } from '../auth/tokens/answer-text.ts'
import { type OAuthClientFacts, TokenError, type TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { fillAddress } from '../catalog/address.ts'

type Values = Readonly<Record<string, string>>

export interface OAuth1Departure {
  readonly url: string
  readonly state: string
  readonly requestToken: string
  readonly requestSecret: string
}

/** RFC 5849 §2.1 and §2.2. @throws {TokenError} */
export async function authorizeOAuth1(
  entry: EntryOf<'oauth1'>,
  client: OAuthClientFacts,
  config: Values,
  redirectUri: string,
  fetch: TokenFetch,
): Promise<OAuth1Departure> {
  const state = randomBytes(32).toString('base64url')
  const callback = `${redirectUri}?state=${state}`
  const answer = await askForToken(
    entry,
    client,
    { config, url: fillAddress(entry.requestTokenUrl ?? '', config), callback },
    fetch,
  )
  const url = new URL(fillAddress(entry.authorizationUrl ?? '', config))
  for (const [name, value] of Object.entries(entry.authorizationParams ?? {})) url.searchParams.set(name, value)
  url.searchParams.set('oauth_token', answer.token)
  return { url: url.href, state, requestToken: answer.token, requestSecret: answer.tokenSecret }
}

/** RFC 5849 §2.3. @throws {TokenError} */
export async function finishOAuth1(
  entry: EntryOf<'oauth1'>,
  client: OAuthClientFacts,
  back: {
    readonly requestToken?: string | undefined
    readonly requestSecret?: string | undefined
    readonly config: Values
    readonly params: URLSearchParams
  },
  fetch: TokenFetch,
): Promise<CredentialOf<'oauth1'>> {
  const { requestToken = '', requestSecret = '', config, params } = back
  const verifier = params.get('oauth_verifier')
  if (verifier === null) {
    throw new TokenError('refused', { message: 'The vendor gave no consent.', error: 'access_denied' })
  }
  if (params.get('oauth_token') !== requestToken) {
    throw new TokenError('refused', { message: 'The vendor answered for another request than the one that was made.' })
  }
  const url = fillAddress(entry.accessTokenUrl ?? '', config)
  const { token, tokenSecret } = await askForToken(
    entry,
    client,
    { config, url, verifier, token: requestToken, tokenSecret: requestSecret },
    fetch,
  )
  return { scheme: 'oauth1', token, tokenSecret }
}

async function askForToken(
  entry: EntryOf<'oauth1'>,
  client: OAuthClientFacts,
  asked: { config: Values; url: string; callback?: string; verifier?: string; token?: string; tokenSecret?: string },
  fetch: TokenFetch,
): Promise<{ token: string; tokenSecret: string }> {
  const { url, config: _, ...rest } = asked
  const { origin, pathname, search } = new URL(url)
  const { clientId, clientSecret = '', privateKey } = client
  const { signatureMethod = 'HMAC-SHA1' } = entry
  const signer = createOAuth1Signer({
    ...secretsFor(signatureMethod, clientSecret, privateKey),
    consumerKey: clientId,
    signatureMethod,
    ...(entry.realm === undefined ? {} : { realm: renderTemplate(parseTemplate(entry.realm), asked.config) }),
    ...rest,
  })
  const request = { method: 'POST', origin, path: pathname + search, headers: [], body: null, isStreamed: false }
  const answer = await fetch(url, {
    method: 'POST',
    headers: { accept: '*/*', 'accept-encoding': 'identity', ...signer(request, Date.now()) },
  })
  const params = new URLSearchParams(await readAnswerText(answer))
  const token = params.get('oauth_token')
  const tokenSecret = params.get('oauth_token_secret')
  if (answer.ok && token !== null && tokenSecret !== null) return { token, tokenSecret }
  const isAway = answer.status >= 500 || answer.status === 429 || answer.status === 408
  const kind = isAway ? 'unavailable' : 'misconfigured'
  throw new TokenError(kind, { message: `The vendor gave no token (status ${answer.status}).` })
}
