/** How the token of each scheme is obtained anew: what is asked of the vendor, and the credential that comes of it. */
import { randomUUID } from 'node:crypto'
import type { Credential, CredentialOf, FieldValues, MintedToken } from '../auth/credential.ts'
import { createFieldCheck } from '../auth/needed-fields.ts'
import type { AuthEntry, EntryOf } from '../auth/scheme.ts'
import { signJwt } from '../auth/signed-jwt.ts'
import { parseTemplate, renderTemplate } from '../auth/template.ts'
import { exchangeAssertion, exchangeBearerJwt, requestTwoStep } from '../auth/tokens/assertions.ts'
import { isClientRefusal } from '../auth/tokens/error-kind.ts'
import { refreshTokens, requestClientCredentials } from '../auth/tokens/grants.ts'
import type { ProofMemory } from '../auth/tokens/proof-memory.ts'
import {
  type OAuthClientFacts,
  type TokenEndpoint,
  TokenError,
  type TokenFetch,
  type TokenGrant,
} from '../auth/tokens/token-endpoint.ts'
import { fillAddress } from '../catalog/address.ts'
import { GatewayError } from '../errors.ts'

export interface RenewalParts {
  readonly entry: AuthEntry
  readonly config: Readonly<Record<string, string>>
  /** The workspace's own client at the vendor. */
  readonly client: OAuthClientFacts | undefined
  readonly fetch: TokenFetch
  /** How clients proved themselves before; nothing is remembered unless given. */
  readonly proofs?: ProofMemory | undefined
  readonly now: Date
}

type Values = Readonly<Record<string, string>>

/** Whether a new token can be had without the end user. */
export function isRenewable(credential: Credential): boolean {
  switch (credential.scheme) {
    case 'oauth2':
      return credential.refreshToken !== undefined
    case 'clientCredentials':
    case 'twoStep':
    case 'jwtBearer':
      return true
    default:
      return false
  }
}

/**
 * @throws {TokenError} when the vendor gives none
 * @throws {GatewayError} INTEGRATION_NOT_CONFIGURED, INVALID_INPUT, CONNECTION_NEEDS_REAUTH when the integration asks for
 *   more than the credential has, or why the vendor could not be asked
 */
export async function renewCredential(credential: Credential, parts: RenewalParts): Promise<Credential> {
  const { entry } = parts
  switch (credential.scheme) {
    case 'oauth2':
      if (entry.scheme === 'oauth2') return refresh(credential, entry, parts)
      break
    case 'clientCredentials':
      if (entry.scheme === 'clientCredentials')
        return { ...credential, minted: await askAsClient(credential, entry, parts) }
      break
    case 'twoStep':
      if (entry.scheme === 'twoStep') return { ...credential, minted: await logIn(credential.fields, entry, parts) }
      break
    case 'jwtBearer':
      if (entry.scheme === 'jwtBearer') return { ...credential, minted: await exchangeJwt(credential, entry, parts) }
      break
  }
  throw new TypeError(`A ${credential.scheme} credential cannot be renewed with an entry for ${entry.scheme}.`)
}

/** Signs the token of a `jwt` credential; nobody is asked. @throws {GatewayError} CONNECTION_NEEDS_REAUTH, INVALID_INPUT */
export async function mintJwt(
  fields: FieldValues,
  entry: EntryOf<'jwt' | 'jwtBearer'>,
  now: Date,
  more: Values = {},
): Promise<MintedToken> {
  createFieldCheck(entry.fields, [{ key: entry.key }, entry.jwtHeader, entry.claims])(fields)
  const values = { ...fields, ...more, uuid: randomUUID() }
  const { token, expiresAt } = await signJwt(
    {
      algorithm: entry.algorithm,
      key: renderTemplate(parseTemplate(entry.key), values),
      ...(entry.keyEncoding === undefined ? {} : { keyEncoding: entry.keyEncoding }),
      header: fillAll(entry.jwtHeader, values),
      claims: fillAll(entry.claims, values),
      lifetimeSeconds: entry.jwtLifetimeSeconds ?? 300,
    },
    now.getTime(),
  )
  return { accessToken: token, expiresAt: expiresAt.toISOString() }
}

/** How the entry's token endpoint is spoken to. @throws {GatewayError} INTEGRATION_NOT_CONFIGURED */
export function endpointOf(
  entry: EntryOf<'oauth2' | 'clientCredentials' | 'jwtBearer' | 'twoStep'>,
  config: Values,
  proofs?: ProofMemory,
): TokenEndpoint {
  if (entry.tokenUrl === undefined) {
    throw new GatewayError(
      'INTEGRATION_NOT_CONFIGURED',
      'The integration names no token endpoint; set tokenUrl with configureIntegration.',
    )
  }
  const ofClient = 'clientAuthentication' in entry ? entry.clientAuthentication : undefined
  const refreshUrl = 'refreshUrl' in entry ? entry.refreshUrl : undefined
  return {
    tokenUrl: fillAddress(entry.tokenUrl, config),
    refreshUrl: refreshUrl === undefined ? undefined : fillAddress(refreshUrl, config),
    clientAuthentication: ofClient,
    proofs,
    requestFormat: entry.tokenRequest,
    tokenParams: entry.scheme === 'twoStep' ? undefined : entry.tokenParams,
    refreshParams: 'refreshParams' in entry ? entry.refreshParams : undefined,
    headers: entry.scheme === 'twoStep' ? undefined : entry.tokenHeaders,
    scopeSeparator: 'scopeSeparator' in entry ? entry.scopeSeparator : undefined,
    answer: entry.tokenAnswer,
    lifetimeSeconds: entry.lifetimeSeconds,
  }
}

/** What the vendor gave, as a credential; what it did not give again stays. */
export function credentialOfGrant(
  grant: TokenGrant,
  before?: Pick<CredentialOf<'oauth2'>, 'refreshToken' | 'scopes'>,
): CredentialOf<'oauth2'> {
  return {
    scheme: 'oauth2',
    accessToken: grant.accessToken,
    refreshToken: grant.refreshToken ?? before?.refreshToken,
    expiresAt: grant.expiresAt?.toISOString(),
    scopes: grant.scopes ?? before?.scopes,
  }
}

async function refresh(
  credential: CredentialOf<'oauth2'>,
  entry: EntryOf<'oauth2'>,
  { config, client, fetch, proofs }: RenewalParts,
): Promise<Credential> {
  const { refreshToken } = credential
  if (refreshToken === undefined) throw new TypeError('a credential without a refresh token was to be refreshed')
  const grant = await refreshTokens(
    endpointOf(entry, config, proofs),
    requireClient(client),
    refreshToken,
    {},
    fetch,
  ).catch((error: unknown) => {
    throw error instanceof TokenError && isWorkspaces(error) ? blameWorkspace(error) : error
  })
  return credentialOfGrant(grant, credential)
}

function isWorkspaces({ kind, error }: TokenError): boolean {
  return kind === 'misconfigured' && isClientRefusal(error)
}

/** The grant may be fine: nothing that the end user could do would mend it. */
function blameWorkspace(error: TokenError): TokenError {
  const whose = "The service refuses the workspace's OAuth client, not the end user"
  const message = `${whose}; set oauthClient with configureIntegration. ${error.message}`
  const { kind, error: code, status, retryAfterMs } = error
  return new TokenError(kind, { message, error: code, status, retryAfterMs })
}

async function askAsClient(
  { clientId, clientSecret, scopes }: CredentialOf<'clientCredentials'>,
  entry: EntryOf<'clientCredentials'>,
  { config, fetch, proofs }: RenewalParts,
): Promise<MintedToken> {
  const facts =
    entry.clientAuthentication === 'privateKeyJwt' ? { clientId, privateKey: clientSecret } : { clientId, clientSecret }
  const asked = scopes ?? entry.scopes
  const grant = await requestClientCredentials(
    endpointOf(entry, config, proofs),
    facts,
    asked === undefined ? {} : { scopes: asked },
    fetch,
  )
  return mintedOf(grant)
}

async function logIn(
  fields: FieldValues,
  entry: EntryOf<'twoStep'>,
  { config, fetch }: RenewalParts,
): Promise<MintedToken> {
  createFieldCheck(entry.fields, [entry.tokenQuery, entry.tokenParams, entry.tokenHeaders])(fields)
  const endpoint = endpointOf(entry, config)
  const url = new URL(endpoint.tokenUrl)
  for (const [name, value] of Object.entries(fillAll(entry.tokenQuery, fields))) url.searchParams.append(name, value)
  const method = entry.tokenMethod ?? 'POST'
  const params = fillAll(entry.tokenParams, fields)
  const isJson = entry.tokenRequest === 'json'
  const headers = fillAll(entry.tokenHeaders, fields)
  const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded'
  const body = isJson ? JSON.stringify(params) : String(new URLSearchParams(params))
  const request =
    method === 'GET' || entry.tokenParams === undefined
      ? { method, url: url.href, headers }
      : { method, url: url.href, headers: { 'content-type': type, ...headers }, body }
  return mintedOf(await requestTwoStep(request, endpoint, fetch))
}

async function exchangeJwt(
  { fields, scopes }: CredentialOf<'jwtBearer'>,
  entry: EntryOf<'jwtBearer'>,
  { config, fetch, now }: RenewalParts,
): Promise<MintedToken> {
  const endpoint = endpointOf(entry, config)
  const asked = scopes ?? entry.scopes ?? []
  const more = { scopes: asked.join(entry.scopeSeparator ?? ' '), tokenUrl: endpoint.tokenUrl }
  const { accessToken } = await mintJwt(fields, entry, now, more)
  if (entry.exchange === 'bearer') return mintedOf(await exchangeBearerJwt(endpoint, accessToken, {}, fetch))
  return mintedOf(await exchangeAssertion(endpoint, accessToken, {}, undefined, fetch))
}

function mintedOf({ accessToken, expiresAt }: TokenGrant): MintedToken {
  return { accessToken, expiresAt: expiresAt?.toISOString() }
}

/** A template that names a field without a value is left out. */
function fillAll(templates: Values | undefined, values: Values): Record<string, string> {
  const filled: Record<string, string> = {}
  for (const [name, text] of Object.entries(templates ?? {})) {
    const parts = parseTemplate(text)
    if (parts.every(part => 'text' in part || (values[part.name] ?? '') !== ''))
      filled[name] = renderTemplate(parts, values)
  }
  return filled
}

export function requireClient(client: OAuthClientFacts | undefined): OAuthClientFacts {
  if (client !== undefined) return client
  const message = 'The workspace has no OAuth client for this integration; set oauthClient with configureIntegration.'
  throw new GatewayError('INTEGRATION_NOT_CONFIGURED', message)
}
