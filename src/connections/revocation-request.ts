/** How a vendor is asked to revoke the tokens of a credential: as RFC 7009 says, or as the entry does. */
import type { Credential, CredentialOf } from '../auth/credential.ts'
import type { EntryOf } from '../auth/scheme.ts'
import { parseTemplate, placeholdersOf, renderTemplate } from '../auth/template.ts'
import type { ProofMemory } from '../auth/tokens/proof-memory.ts'
import { revokeToken } from '../auth/tokens/revocation.ts'
import { type OAuthClientFacts, TokenError, type TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { fillAddress } from '../catalog/address.ts'
import { usableConfig } from '../catalog/target.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { Integrations } from './integrations.ts'

/** What names the vendor of a credential, and the connection that it was for. */
export type Revocable = Pick<ConnectionRow, 'workspaceId' | 'id' | 'integration' | 'scheme' | 'config'>

/**
 * Asks the vendor once, with the address, the client and the tokens of when it was planned: later tries need nothing that
 * may be gone by then.
 * @throws {TokenError} when the vendor does not do it
 * @throws {GatewayError} when it could not be asked
 */
export type Revocation = () => Promise<void>

/** @returns how to ask the vendor, or why there is nothing to ask */
export type PlanRevocation = (row: Revocable, credential: Credential) => Promise<Revocation | string>

interface RequestParts {
  readonly integrations: Pick<Integrations, 'get' | 'clientOf'>
  readonly fetch: TokenFetch
  readonly proofs: ProofMemory
}

type Values = Readonly<Record<string, string>>

export function createRevocationPlan(parts: RequestParts): PlanRevocation {
  const { integrations, fetch } = parts
  return async (row, credential) => {
    const integration = await integrations.get(row.workspaceId, row.integration)
    if (integration === undefined) return 'The integration is gone, and with it the way to revoke a token.'
    const entry = integration.definition.auth.find(({ scheme }) => scheme === row.scheme)
    if (entry?.scheme !== 'oauth2') return 'Such credentials are revoked at the vendor alone.'
    if (entry.revocationUrl === undefined && entry.revoke === undefined)
      return 'The integration names no way to revoke a token.'
    if (credential.scheme !== 'oauth2') return 'The credential is of another scheme.'
    const { config = {} } = integration.definition
    const values = usableConfig(integration.definition, row.config)
    const address = entry.revoke?.url ?? entry.revocationUrl ?? ''
    const missing = placeholdersOf(address).find(name => Object.hasOwn(config, name) && !Object.hasOwn(values, name))
    if (missing !== undefined) {
      const why = Object.hasOwn(row.config, missing) ? 'whose value is not taken today' : 'which the connection lacks'
      return `The address to revoke tokens at needs config.${missing}, ${why}.`
    }
    const namesRefreshToken = JSON.stringify(entry.revoke ?? {}).includes('{refreshToken}')
    if (namesRefreshToken && credential.refreshToken === undefined) return 'There is no refresh token to revoke.'
    const client = integrations.clientOf(integration)
    const { revoke } = entry
    if (revoke !== undefined) return () => sendRevoke(revoke, values, credential, client, fetch)
    return () => revokeTokens(entry, values, credential, client, parts)
  }
}

/** RFC 7009: the refresh token takes its access tokens along where the server does as it should; both are named. */
async function revokeTokens(
  { revocationUrl = '', clientAuthentication }: EntryOf<'oauth2'>,
  config: Values,
  { accessToken, refreshToken }: CredentialOf<'oauth2'>,
  client: OAuthClientFacts | undefined,
  { fetch, proofs }: RequestParts,
): Promise<void> {
  const url = fillAddress(revocationUrl, config)
  if (refreshToken !== undefined)
    await revokeToken(url, client, refreshToken, 'refresh_token', clientAuthentication, fetch, proofs)
  await revokeToken(url, client, accessToken, 'access_token', clientAuthentication, fetch, proofs)
}

async function sendRevoke(
  revoke: NonNullable<EntryOf<'oauth2'>['revoke']>,
  config: Values,
  { accessToken, refreshToken = '' }: CredentialOf<'oauth2'>,
  client: OAuthClientFacts | undefined,
  fetch: TokenFetch,
): Promise<void> {
  const { clientId = '', clientSecret = '' } = client ?? {}
  const clientBasic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
  const values = { ...config, accessToken, refreshToken, clientId, clientSecret, clientBasic }
  const fill = (templates: Values | undefined) =>
    Object.fromEntries(
      Object.entries(templates ?? {}).map(([name, text]) => [name, renderTemplate(parseTemplate(text), values)]),
    )
  const url = new URL(fillAddress(revoke.url, values))
  for (const [name, value] of Object.entries(fill(revoke.query))) url.searchParams.append(name, value)
  const isJson = revoke.format === 'json'
  const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded'
  const fields = fill(revoke.body)
  const body = isJson ? JSON.stringify(fields) : String(new URLSearchParams(fields))
  const hasBody = revoke.body !== undefined
  const headers = {
    accept: 'application/json',
    ...(hasBody ? { 'content-type': type } : {}),
    ...fill(revoke.headers),
  }
  const { ok, status } = await fetch(url.href, { method: revoke.method, headers, ...(hasBody ? { body } : {}) })
  // A token that is gone already is as good as revoked.
  if (ok || status === 404 || status === 410) return
  const message = `The vendor answered ${status} when asked to revoke the token.`
  throw new TokenError('unavailable', { message, status })
}
