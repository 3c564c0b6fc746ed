/** How a credential is sealed into the row of its connection, and opened again: the one place that does either. */
import { type Credential, parseCredential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { ConnectionRow, SealedPart } from '../store/connections.ts'
import { connectionBinding } from '../vault/bindings.ts'
import { type Vault, VaultError } from '../vault/vault.ts'

/** What names the place that a credential is sealed for. */
type Place = Pick<ConnectionRow, 'workspaceId' | 'id'>

/** What a row holds of a credential beside its place. */
export interface Sealed extends SealedPart {
  /** When to renew it although nobody asks; null for never. */
  readonly dueAt: Date | null
}

const dayMs = 86_400_000
/** Renewed so long before the end; as much again is added at random, so that connections do not come all at once. */
const marginMs = 60_000
/** Of a short life no more than this part is given away. */
const shareOfLife = 0.2
/** A token is used for so long, however short its vendor says it lives: calls would ask for one each otherwise. */
const shortestUseMs = 500
const defaultKeepAliveDays = 20

export class CredentialSeal {
  readonly #vault: Vault
  readonly #events: Pick<Events, 'credentialUnopened'>

  constructor(vault: Vault, events: Pick<Events, 'credentialUnopened'>) {
    this.#vault = vault
    this.#events = events
  }

  /** @param entry what the integration says of the credential's scheme */
  seal(place: Place, credential: Credential, entry: AuthEntry, now: Date = new Date()): Sealed {
    return this.#seal(place, credential, timesOf(credential, entry, now))
  }

  /** One whose token the vendor gave a moment ago: it is used, even if it has ended on its way. */
  sealRenewed(place: Place, credential: Credential, entry: AuthEntry): Sealed {
    const now = new Date()
    const { tokenRenewAt, ...times } = timesOf(credential, entry, now)
    const soonest = new Date(now.getTime() + shortestUseMs)
    const isTooSoon = tokenRenewAt !== null && tokenRenewAt < soonest
    return this.#seal(place, credential, { ...times, tokenRenewAt: isTooSoon ? soonest : tokenRenewAt })
  }

  #seal(place: Place, credential: Credential, times: Times): Sealed {
    const { envelope, keyId } = this.#vault.seal(
      connectionBinding(place.workspaceId, place.id),
      JSON.stringify(credential),
    )
    return { sealedCredential: envelope, sealedUnder: keyId, ...times }
  }

  /** @throws {GatewayError} CONNECTION_NEEDS_REAUTH when it cannot be opened */
  open(row: Place & Pick<ConnectionRow, 'sealedCredential'>): Credential {
    try {
      return parseCredential(
        JSON.parse(this.#vault.open(connectionBinding(row.workspaceId, row.id), row.sealedCredential)),
      )
    } catch (cause) {
      if (!(cause instanceof VaultError)) throw cause
      this.#events.credentialUnopened(row, cause)
      const message = 'The credential of this connection cannot be opened; connect the account again.'
      throw new GatewayError('CONNECTION_NEEDS_REAUTH', message, { cause })
    }
  }
}

type Times = Omit<Sealed, 'sealedCredential' | 'sealedUnder'>

/** When the token in a credential ends, and when it is renewed before that. */
function timesOf(credential: Credential, entry: AuthEntry, now: Date): Times {
  const never = { tokenExpiresAt: null, tokenRenewAt: null, dueAt: null }
  switch (credential.scheme) {
    case 'oauth2': {
      const ends = endOf(credential.expiresAt, now)
      if (credential.refreshToken === undefined) return { ...never, tokenExpiresAt: ends.tokenExpiresAt }
      const days = (entry.scheme === 'oauth2' ? entry.keepAliveDays : undefined) ?? defaultKeepAliveDays
      return { ...ends, dueAt: new Date(now.getTime() + days * dayMs * (0.9 + Math.random() * 0.1)) }
    }
    case 'clientCredentials':
    case 'twoStep':
    case 'jwtBearer':
      if (credential.minted === undefined) return { ...never, tokenExpiresAt: now, tokenRenewAt: now }
      return { ...never, ...endOf(credential.minted.expiresAt, now) }
    default:
      return never
  }
}

function endOf(expiresAt: string | undefined, now: Date) {
  if (expiresAt === undefined) return { tokenExpiresAt: null, tokenRenewAt: null }
  const tokenExpiresAt = new Date(expiresAt)
  const lifeMs = Math.max(0, tokenExpiresAt.getTime() - now.getTime())
  if (lifeMs === 0) return { tokenExpiresAt, tokenRenewAt: tokenExpiresAt }
  const aheadMs = Math.min(lifeMs * shareOfLife, marginMs * (1 + Math.random()))
  return { tokenExpiresAt, tokenRenewAt: new Date(now.getTime() + Math.max(shortestUseMs, lifeMs - aheadMs)) }
}
