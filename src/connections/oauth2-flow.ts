/** The authorization code grant (RFC 6749 §4.1) as an entry describes it: to the vendor's page, and back with a code. */
import type { CredentialOf } from '../auth/credential.ts'
import type { AuthEntry, EntryOf } from '../auth/scheme.ts'
import { parseSingularPath, readSingularPath } from '../auth/singular-path.ts'
import { placeholdersOf } from '../auth/template.ts'
import { readAuthorizationAnswer } from '../auth/tokens/authorization-answer.ts'
import { type AuthorizationRequest, createAuthorizationRequest } from '../auth/tokens/authorization-request.ts'
import { exchangeCode } from '../auth/tokens/grants.ts'
import type { ProofMemory } from '../auth/tokens/proof-memory.ts'
import type { OAuthClientFacts, TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { fillAddress } from '../catalog/address.ts'
import { credentialOfGrant, endpointOf } from './renewal.ts'

type Values = Readonly<Record<string, string>>

export function authorizeOAuth2(
  entry: EntryOf<'oauth2'>,
  clientId: string,
  config: Values,
  redirectUri: string,
): AuthorizationRequest {
  return createAuthorizationRequest({
    authorizationUrl: fillAddress(entry.authorizationUrl ?? '', config),
    clientId,
    redirectUri,
    scopes: entry.scopes ?? [],
    scopeSeparator: entry.scopeSeparator ?? ' ',
    scopeParam: entry.scopeParam ?? 'scope',
    pkce: entry.pkce ?? 'S256',
    params: entry.authorizationParams ?? {},
  })
}

/** The browser is back: the code becomes a credential, and the vendor may tell config values. @throws {TokenError} */
export async function finishOAuth2(
  entry: EntryOf<'oauth2'>,
  client: OAuthClientFacts,
  back: {
    readonly config: Values
    readonly codeVerifier?: string | undefined
    readonly redirectUri: string
    readonly params: URLSearchParams
    /** Config values as they may be used. @throws {GatewayError} INVALID_INPUT */
    readonly accept: (config: Values) => Record<string, string>
  },
  fetch: TokenFetch,
  proofs?: ProofMemory,
): Promise<{ credential: CredentialOf<'oauth2'>; config: Record<string, string> }> {
  const { params, redirectUri, codeVerifier } = back
  const { code } = readAuthorizationAnswer(params, {
    state: params.get('state') ?? '',
    ...issuerOf(entry, back.config),
  })
  // The end user may have changed what the redirect brings, and the code and the client's secret go where it says.
  const config = back.accept({ ...back.config, ...captureRedirect(entry, params) })
  const proof = { code, redirectUri, ...(codeVerifier === undefined ? {} : { codeVerifier }) }
  const grant = await exchangeCode(endpointOf(entry, config, proofs), client, proof, fetch)
  const credential = credentialOfGrant(grant, { scopes: entry.scopes })
  return { credential, config: { ...config, ...captureAnswer(entry, grant.answer) } }
}

export function requireOAuth2(entry: AuthEntry): EntryOf<'oauth2'> {
  if (entry.scheme === 'oauth2') return entry
  throw new TypeError(`${entry.scheme} has no page of the vendor's`)
}

/** Of the server that the browser was sent to: by the config values that it left with, not by what it brings back. */
function issuerOf({ issuer, sendsIssuer }: EntryOf<'oauth2'>, config: Values) {
  if (issuer === undefined) return {}
  return { issuer: placeholdersOf(issuer).length === 0 ? issuer : fillAddress(issuer, config), sendsIssuer }
}

/** What the redirect brings along, such as the shop it was given for. */
function captureRedirect({ captures }: EntryOf<'oauth2'>, params: URLSearchParams): Record<string, string> {
  const captured = Object.entries(captures ?? {}).flatMap(([field, from]) => {
    const value = 'redirect' in from ? params.get(from.redirect) : null
    return value === null ? [] : [[field, value]]
  })
  return Object.fromEntries(captured)
}

function captureAnswer({ captures }: EntryOf<'oauth2'>, answer: unknown): Record<string, string> {
  const captured = Object.entries(captures ?? {}).flatMap(([field, from]) => {
    const path = 'tokenAnswer' in from ? parseSingularPath(from.tokenAnswer) : undefined
    const value = path === undefined ? undefined : readSingularPath(path, answer)
    if (JSON.isRawJSON(value)) return [[field, value.rawJSON]]
    return typeof value === 'string' || typeof value === 'number' ? [[field, String(value)]] : []
  })
  return Object.fromEntries(captured)
}
