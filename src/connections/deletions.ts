/** How a connection goes: its use stops at once, the vendor revokes the credential, then it is erased with its data key. */
import type { Credential, CredentialOf } from '../auth/credential.ts'
import type { EntryOf } from '../auth/scheme.ts'
import { parseTemplate, placeholdersOf, renderTemplate } from '../auth/template.ts'
import { revokeToken } from '../auth/tokens/revocation.ts'
import { type OAuthClientFacts, TokenError, type TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { fillAddress } from '../catalog/address.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectionDeletionStore, DeletionRow, DeletionStep } from '../store/connection-deletions.ts'
import type { ConnectionRow, ConnectionStore } from '../store/connections.ts'
import type { CredentialSeal } from './credential-seal.ts'
import type { Integrations } from './integrations.ts'

interface DeletionParts {
  readonly store: Pick<ConnectionStore, 'remove'>
  readonly deletions: ConnectionDeletionStore
  readonly integrations: Integrations
  readonly seal: CredentialSeal
  readonly fetch: TokenFetch
}

const leaseMs = 60_000

export class Deletions {
  readonly #parts: DeletionParts

  constructor(parts: DeletionParts) {
    this.#parts = parts
  }

  /** What was done, also when it was done before; undefined when there never was such a connection. */
  async delete(workspaceId: string, id: string, onStopped: () => void): Promise<readonly DeletionStep[] | undefined> {
    const removed = await this.#parts.store.remove(workspaceId, id, leaseMs)
    onStopped()
    const row = await this.#parts.deletions.get(workspaceId, id)
    if (row === undefined) return undefined
    // Whoever removed it finishes it; one who asks meanwhile is told what is done so far.
    return removed === undefined ? row.steps : await this.#finish(row)
  }

  /** @returns how many were unfinished, at most `limit` */
  async finishAll(limit: number): Promise<number> {
    const rows = await this.#parts.deletions.takeUnfinished(limit, leaseMs)
    for (const row of rows) await this.#finish(row)
    return rows.length
  }

  async #finish(row: DeletionRow): Promise<readonly DeletionStep[]> {
    const revoked = await this.#revoke(row)
    const steps = [...row.steps, revoked, { step: 'ERASE', outcome: 'DONE', message: null } as const]
    await this.#parts.deletions.finish(row.workspaceId, row.id, steps)
    return steps
  }

  async #revoke(row: DeletionRow): Promise<DeletionStep> {
    try {
      const message = await this.#askToRevoke(row)
      return { step: 'REVOKE', outcome: message === undefined ? 'DONE' : 'SKIPPED', message: message ?? null }
    } catch (error) {
      const isKnown = error instanceof TokenError || error instanceof GatewayError
      const message = isKnown ? error.message : 'The gateway could not do it.'
      return { step: 'REVOKE', outcome: 'FAILED', message: `${message} Revoke it at the vendor.` }
    }
  }

  /** @returns why there was nothing to ask, or undefined when it is done */
  async #askToRevoke(row: DeletionRow): Promise<string | undefined> {
    const { sealedCredential } = row
    if (sealedCredential === null) return 'The credential is erased already.'
    return await this.#revokeCredential(row, this.#parts.seal.open({ ...row, sealedCredential }))
  }

  /** Tokens that came for a connection which was deleted meanwhile. */
  async revokeOrphan(row: ConnectionRow, credential: Credential): Promise<void> {
    await this.#revokeCredential(row, credential)
  }

  async #revokeCredential(
    row: Pick<ConnectionRow, 'workspaceId' | 'integration' | 'scheme' | 'config'>,
    credential: Credential,
  ): Promise<string | undefined> {
    const integration = await this.#parts.integrations.get(row.workspaceId, row.integration)
    const entry = integration?.definition.auth.find(({ scheme }) => scheme === row.scheme)
    if (integration === undefined || entry?.scheme !== 'oauth2')
      return 'Such credentials are revoked at the vendor alone.'
    if (entry.revocationUrl === undefined && entry.revoke === undefined)
      return 'The integration names no way to revoke a token.'
    if (credential.scheme !== 'oauth2') return 'The credential is of another scheme.'
    const { config = {} } = integration.definition
    const missing = placeholdersOf(entry.revocationUrl ?? '').find(name => name in config && !(name in row.config))
    if (missing !== undefined)
      return `The address to revoke tokens at needs config.${missing}, which the connection lacks.`
    const namesRefreshToken = JSON.stringify(entry.revoke ?? {}).includes('{refreshToken}')
    if (namesRefreshToken && credential.refreshToken === undefined) return 'There is no refresh token to revoke.'
    const client = this.#parts.integrations.clientOf(integration)
    if (entry.revoke !== undefined) await this.#sendRevoke(entry.revoke, row.config, credential, client)
    else await this.#revokeTokens(entry, row.config, credential, client)
    return undefined
  }

  /** RFC 7009: the refresh token takes its access tokens along where the server does as it should; both are named. */
  async #revokeTokens(
    { revocationUrl = '', clientAuthentication }: EntryOf<'oauth2'>,
    config: Readonly<Record<string, string>>,
    { accessToken, refreshToken }: CredentialOf<'oauth2'>,
    client: OAuthClientFacts | undefined,
  ): Promise<void> {
    const url = fillAddress(revocationUrl, config)
    const { fetch } = this.#parts
    if (refreshToken !== undefined)
      await revokeToken(url, client, refreshToken, 'refresh_token', clientAuthentication, fetch)
    await revokeToken(url, client, accessToken, 'access_token', clientAuthentication, fetch)
  }

  async #sendRevoke(
    revoke: NonNullable<EntryOf<'oauth2'>['revoke']>,
    config: Readonly<Record<string, string>>,
    { accessToken, refreshToken = '' }: CredentialOf<'oauth2'>,
    client: OAuthClientFacts | undefined,
  ): Promise<void> {
    const { clientId = '', clientSecret = '' } = client ?? {}
    const clientBasic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
    const values = { ...config, accessToken, refreshToken, clientId, clientSecret, clientBasic }
    const fill = (templates: Readonly<Record<string, string>> | undefined) =>
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
    const answer = await this.#parts.fetch(url.href, { method: revoke.method, headers, ...(hasBody ? { body } : {}) })
    // A token that is gone already is as good as revoked.
    if (answer.ok || answer.status === 404 || answer.status === 410) return
    throw new TokenError('unavailable', {
      message: `The vendor answered ${answer.status} when asked to revoke the token.`,
    })
  }
}
