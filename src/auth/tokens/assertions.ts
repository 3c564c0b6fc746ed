/** Tokens for something that was signed or typed: JWT assertions (RFC 7523), JWTs as bearer tokens, log-ins of two steps. */
import { scopeParam } from './grants.ts'
import type { OAuthClientFacts, TokenEndpoint, TokenFetch, TokenGrant } from './token-endpoint.ts'
import { headersFor, requestToken, sendTokenRequest, writeBody } from './token-request.ts'

/** RFC 7523 §2.1; https://developers.google.com/identity/protocols/oauth2/service-account. @throws {TokenError} */
export async function exchangeAssertion(
  endpoint: TokenEndpoint,
  assertion: string,
  { scopes }: { readonly scopes?: readonly string[] | undefined },
  client: OAuthClientFacts | undefined,
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const params = { assertion, ...scopeParam(endpoint, scopes) }
  return await requestToken(endpoint, client, { type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', params }, fetch)
}

/**
 * The JWT is the bearer token of a request whose answer holds another token. Without a body, `tokenParams` are one.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app
 * @throws {TokenError} never refused for a 401 alone: the clock that the JWT was signed by may be wrong
 */
export async function exchangeBearerJwt(
  endpoint: TokenEndpoint,
  jwt: string,
  { method = 'POST', body }: { readonly method?: string | undefined; readonly body?: string | undefined },
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const { tokenUrl, tokenParams, requestFormat } = endpoint
  const headers = headersFor({ ...endpoint.headers, authorization: `Bearer ${jwt}` })
  const given = body === undefined ? {} : { headers: { 'content-type': 'application/json', ...headers }, body }
  const written =
    body === undefined && tokenParams !== undefined && method !== 'GET'
      ? writeBody(new URLSearchParams(tokenParams), requestFormat, headers)
      : given
  return await sendTokenRequest(tokenUrl, { method, headers, ...written }, endpoint, fetch)
}

/**
 * What the end user typed is sent, and a token comes back.
 * @throws {TokenError} refused also for a bare 401: it is the answer to a wrong user name or password
 */
export async function requestTwoStep(
  request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string | undefined
  },
  endpoint: TokenEndpoint,
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const { method, url, headers, body } = request
  const init = { method, headers: headersFor(headers), ...(body === undefined ? {} : { body }) }
  return await sendTokenRequest(url, init, endpoint, fetch, 'refused')
}
