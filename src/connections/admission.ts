/** How a credential becomes a connection: checked, proved by the vendor where that is possible, sealed and stored. */
import type { Credential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import type { ProofMemory } from '../auth/tokens/proof-memory.ts'
import { TokenError, type TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { requireConfig } from '../catalog/needed-config.ts'
import { parseConfig, resolveTarget } from '../catalog/target.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { Events } from '../events.ts'
import type { ConnectionRow, ConnectionStore } from '../store/connections.ts'
import { newId } from '../store/ids.ts'
import { checkJson } from '../store/stored-text.ts'
import { checkCredential } from './credential-check.ts'
import type { CredentialSeal } from './credential-seal.ts'
import { type Integration, type Integrations, integrationNotFound } from './integrations.ts'
import { isRenewable, renewCredential } from './renewal.ts'
import { type Verification, type Verify, withoutSecrets } from './verification.ts'

export interface NewConnection {
  readonly integration: string
  readonly endUserId: string
  readonly config?: Record<string, unknown> | null
  readonly credential: Credential
  readonly metadata?: Record<string, unknown> | null
}

/** A connection that could be: checked, sealed, proved by the vendor where that is possible, and not stored yet. */
export interface Candidate {
  readonly row: ConnectionRow
  readonly dueAt: Date | null
  readonly verification: Verification | undefined
  /** False for a built-in one. */
  readonly isOwnIntegration: boolean
}

export interface AdmissionParts {
  readonly store: ConnectionStore
  readonly integrations: Integrations
  readonly seal: CredentialSeal
  readonly events: Pick<Events, 'connectionCreated' | 'connectionUpdated'>
  readonly fetch: TokenFetch
  readonly verify: Verify
  /** How clients proved themselves before. */
  readonly proofs: ProofMemory
  /** Told of every change, so that nothing older is used. */
  readonly onChanged: (row: ConnectionRow) => void
}

const maxMetadataBytes = 16_384

export class Admission {
  readonly #parts: AdmissionParts

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /** Imports a credential. @throws GatewayError `INVALID_INPUT` with a detail per wrong field; nothing is stored then. */
  async create(
    workspaceId: string,
    input: NewConnection,
    options: { readonly verify?: boolean } = {},
  ): Promise<ConnectionRow> {
    const candidate = await this.prepare(workspaceId, input, options)
    if (candidate.verification?.outcome === 'REFUSED') throw invalidInput('credential', candidate.verification.message)
    return await this.admit(candidate)
  }

  /** Checks a connection that is to be, asks the vendor of it, and stores nothing. @throws GatewayError */
  async prepare(
    workspaceId: string,
    input: NewConnection,
    { verify = true, id = newId('conn') }: { readonly verify?: boolean; readonly id?: string } = {},
  ): Promise<Candidate> {
    const integration = await this.#parts.integrations.get(workspaceId, input.integration)
    if (integration === undefined) throw integrationNotFound(input.integration)
    const endUserId = checkEndUserId(input.endUserId)
    const metadata = checkMetadata(input.metadata)
    const entry = requireScheme(integration, input.credential.scheme)
    const config = parseConfig(integration.definition, input.config ?? undefined, entry)
    resolveTarget(integration.definition, config, entry)
    requireConfig(integration.definition, entry, config)
    await checkCredential(entry, input.credential, { config, client: this.#parts.integrations.clientOf(integration) })
    const credential = await this.#firstToken(integration, entry, config, input.credential)
    const now = new Date()
    const { dueAt, ...sealed } = this.#parts.seal.seal({ workspaceId, id }, credential, entry, now)
    const facts = { workspaceId, id, integration: integration.slug, endUserId, scheme: entry.scheme, config, metadata }
    const row: ConnectionRow = { ...facts, ...sealed, ...unused, createdAt: now, updatedAt: now }
    const hasEnded = row.tokenExpiresAt !== null && row.tokenExpiresAt <= now
    const verification = verify && !hasEnded ? await this.#verify(row, integration, credential) : undefined
    const account = withoutSecrets(verification?.account ?? null, credential, entry)
    const verifiedAt = verification?.outcome === 'OK' ? now : null
    return { row: { ...row, account, verifiedAt }, dueAt, verification, isOwnIntegration: !integration.builtIn }
  }

  /** Stores what was prepared. */
  async admit({ row, dueAt, isOwnIntegration }: Candidate): Promise<ConnectionRow> {
    const { workspaceId, id, integration, endUserId, scheme, config, metadata, account, verifiedAt } = row
    const { sealedCredential, sealedUnder, tokenExpiresAt, tokenRenewAt } = row
    const sealed = { sealedCredential, sealedUnder, tokenExpiresAt, tokenRenewAt, dueAt }
    const facts = { workspaceId, id, integration, endUserId, scheme, config, metadata, account, verifiedAt }
    const { store } = this.#parts
    const given = { ...facts, ...sealed }
    const stored = isOwnIntegration ? await store.insertAtOwn(given) : await store.insert(given)
    if (stored === undefined) throw integrationNotFound(integration)
    this.#parts.onChanged(stored)
    this.#parts.events.connectionCreated(stored)
    return stored
  }

  /** Puts a prepared credential in place of the one that a connection has; it keeps its id. @throws GatewayError */
  async repair(before: ConnectionRow, { row, dueAt }: Candidate): Promise<ConnectionRow> {
    const { sealedCredential, sealedUnder, tokenExpiresAt, tokenRenewAt, scheme, config, account, verifiedAt } = row
    const sealed = { sealedCredential, sealedUnder, tokenExpiresAt, tokenRenewAt, dueAt }
    const isUsable = before.status === 'NEEDS_REAUTH'
    const status = isUsable ? { status: 'ACTIVE' as const, statusChangedAt: new Date() } : {}
    const patch = { scheme, config, account: account ?? before.account, verifiedAt, statusReason: null, ...status }
    const event = isUsable ? 'connection.recovered' : 'connection.updated'
    // Whoever connects again is right, whatever was refreshed meanwhile.
    for (let version = before.credentialVersion, round = 0; round < 5; round += 1) {
      const change = { ...sealed, expectedVersion: version, patch, event } as const
      const stored = await this.#parts.store.saveCredential(before.workspaceId, before.id, change)
      const saved = stored && (await this.#recover(stored))
      if (saved !== undefined) {
        this.#parts.onChanged(saved)
        this.#parts.events.connectionUpdated(saved)
        return saved
      }
      const current = await this.#parts.store.get(before.workspaceId, before.id)
      if (current === undefined) throw connectionNotFound()
      version = current.credentialVersion
    }
    throw new TypeError('a connection changed too often to be repaired')
  }

  /** The vendor may have refused the old credential after the connection was read: that says nothing of the new one. */
  async #recover(stored: ConnectionRow): Promise<ConnectionRow> {
    if (stored.status !== 'NEEDS_REAUTH') return stored
    const { workspaceId, id, credentialVersion } = stored
    const patch = { status: 'ACTIVE' as const, statusReason: null, statusChangedAt: new Date() }
    const event = 'connection.recovered'
    return (await this.#parts.store.update(workspaceId, id, patch, event, { version: credentialVersion })) ?? stored
  }

  /** A token that ended is no reason to refuse what leads to the next one. */
  async #verify(
    row: ConnectionRow,
    integration: Integration,
    credential: Credential,
  ): Promise<Verification | undefined> {
    const verification = await this.#parts.verify(row, integration)
    const mayHaveEnded = credential.scheme === 'oauth2' && credential.refreshToken !== undefined
    if (verification?.outcome !== 'REFUSED' || verification.status !== 401 || !mayHaveEnded) return verification
    return { ...verification, outcome: 'UNKNOWN' }
  }

  /** Schemes whose token the gateway obtains: what the token endpoint refuses is a wrong credential, found before it is stored. */
  async #firstToken(
    integration: Integration,
    entry: AuthEntry,
    config: Record<string, string>,
    credential: Credential,
  ): Promise<Credential> {
    if (credential.scheme === 'oauth2' || !isRenewable(credential)) return credential
    const { fetch, proofs } = this.#parts
    const client = this.#parts.integrations.clientOf(integration)
    try {
      return await renewCredential(credential, { entry, config, client, fetch, proofs, now: new Date() })
    } catch (error) {
      if (error instanceof TokenError && error.kind !== 'unavailable') {
        throw invalidInput('credential', `${integration.definition.name} gave no token for it: ${error.message}`)
      }
      // The first call tries again.
      if (error instanceof TokenError || (error instanceof GatewayError && error.code.startsWith('UPSTREAM_')))
        return credential
      throw error
    }
  }
}

/** The first auth entry of the scheme. @throws GatewayError `INVALID_INPUT` naming the schemes the integration takes. */
function requireScheme(integration: Integration, scheme: string): AuthEntry {
  const entry = integration.definition.auth.find(auth => auth.scheme === scheme)
  if (entry !== undefined) return entry
  const taken = [...new Set(integration.definition.auth.map(auth => auth.scheme))].join(', ')
  throw invalidInput(
    'credential',
    `The integration "${integration.slug}" takes a credential of ${taken}; got ${scheme}.`,
  )
}

/** What a connection has that nobody used yet. */
const unused = {
  status: 'ACTIVE',
  credentialVersion: 1,
  statusReason: null,
  statusChangedAt: null,
  account: null,
  verifiedAt: null,
  quota: null,
  rules: [],
  lastUsedAt: null,
} as const

/** One sentence for ids that do not exist, are malformed or belong to another workspace. */
export function connectionNotFound(): GatewayError {
  return new GatewayError('CONNECTION_NOT_FOUND', 'The workspace has no connection with this id.')
}

/** @throws GatewayError `INVALID_INPUT` */
export function checkEndUserId(endUserId: string): string {
  if (endUserId.length < 1 || endUserId.length > 255 || /\p{Cc}/u.test(endUserId)) {
    const got = endUserId.length === 0 ? 'an empty text' : `${endUserId.length} characters`
    throw invalidInput('endUserId', `endUserId takes 1 to 255 characters without control characters; got ${got}.`)
  }
  return endUserId
}

/** Before anything is done with it: a vendor may be asked meanwhile. @throws GatewayError `INVALID_INPUT` */
export function checkMetadata(metadata: Record<string, unknown> | null | undefined): Record<string, unknown> {
  const size = Buffer.byteLength(JSON.stringify(metadata ?? {}))
  if (size > maxMetadataBytes) {
    throw invalidInput('metadata', `metadata takes at most ${maxMetadataBytes} bytes of JSON; got ${size}.`)
  }
  checkJson('metadata', metadata)
  return metadata ?? {}
}
