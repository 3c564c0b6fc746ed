/** The life of access keys: minted once, kept as a hash, checked on every request. */
import { GatewayError, invalidInput } from '../errors.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import type { AccessKeyRow, AccessKeyStore, PresetKey } from '../store/access-keys.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import { type Caller, hasScope, type Scope, scopes } from './caller.ts'
import { hashSecret, newAccessKeySecret, secretHint } from './secret.ts'

export type AccessKey = Omit<AccessKeyRow, 'hash'>

export interface NewAccessKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt?: Date | null
  /** The only connection it may call through. */
  readonly connectionId?: string | null
  readonly quota?: Quota | null
}

const touchEveryMs = 60_000
const maxSecretLength = 512

export class AccessKeys {
  readonly #store: AccessKeyStore
  readonly #hasConnection: (workspaceId: string, id: string) => Promise<boolean>
  /** When each key was last marked as used, so that a busy key costs one write a minute. */
  readonly #touched = new Map<string, number>()
  readonly #bySecret = new Memo<AccessKeyRow>()

  constructor(store: AccessKeyStore, hasConnection: (workspaceId: string, id: string) => Promise<boolean>) {
    this.#store = store
    this.#hasConnection = hasConnection
  }

  /** Mints a key no wider than its maker. The secret is in this answer and nowhere else. */
  async create(caller: Caller, input: NewAccessKey): Promise<{ accessKey: AccessKey; secret: string }> {
    const name = input.name.trim()
    if (name === '' || name.length > 200) {
      throw invalidInput('name', `name takes 1 to 200 characters; got ${name.length}.`)
    }
    if (input.scopes.length === 0) throw invalidInput('scopes', 'scopes takes at least one scope; got none.')
    if (input.expiresAt && input.expiresAt.getTime() <= Date.now()) {
      const got = input.expiresAt.toISOString()
      throw invalidInput('expiresAt', `expiresAt takes a time in the future; got ${got}.`)
    }
    const connectionId = await this.#checkBinding(caller, input)
    const wider = input.scopes.filter(scope => !hasScope(caller, scope))
    if (wider.length > 0) {
      throw new GatewayError('FORBIDDEN', `A key cannot mint a wider one: "${caller.name}" lacks ${wider.join(', ')}.`)
    }
    const secret = newAccessKeySecret()
    const row = await this.#store.insert({
      workspaceId: caller.workspaceId,
      id: newId('key'),
      name,
      hash: hashSecret(secret),
      hint: secretHint(secret),
      scopes: scopes.filter(scope => input.scopes.includes(scope)),
      expiresAt: input.expiresAt ?? null,
      connectionId,
      quota: checkQuota('quota', input.quota),
    })
    return { accessKey: row, secret }
  }

  /** @throws GatewayError `UNAUTHENTICATED`, with one message for unknown, deleted and expired keys. */
  async authenticate(secret: string): Promise<Caller> {
    const row =
      secret.length <= maxSecretLength ? (this.#bySecret.peek(secret) ?? (await this.#find(secret))) : undefined
    if (row === undefined || isExpired(row)) throw unknownKey()
    this.#touch(row)
    return callerFor(row)
  }

  /** The caller that a key of the workspace is. @throws GatewayError `UNAUTHENTICATED` when it is gone */
  async callerOf(workspaceId: string, id: string): Promise<Caller> {
    const row = await this.#store.get(workspaceId, id)
    if (row === undefined || isExpired(row)) throw unknownKey()
    return callerFor(row)
  }

  list(workspaceId: string, page: PageArgs): Promise<Page<AccessKey>> {
    return this.#store.list(workspaceId, page)
  }

  get(workspaceId: string, id: string): Promise<AccessKey | undefined> {
    return this.#store.get(workspaceId, id)
  }

  /** True when there was such a key; from then on it authenticates nothing. */
  async delete(workspaceId: string, id: string): Promise<boolean> {
    const wasThere = await this.#store.delete(workspaceId, id)
    this.#bySecret.clear()
    return wasThere
  }

  /** Makes the operator's preset secret the workspace's preset admin key, replacing an earlier preset. */
  async presetAdmin(workspaceId: string, secret: string): Promise<void> {
    await this.#store.savePreset(workspaceId, adminKey(secret))
    this.#bySecret.clear()
  }

  /**
   * The first admin key of a workspace that has no key at all; undefined when it has one. Of replicas that start together
   * one makes it, so that the secret it shows is the one that works.
   */
  async createFirstAdmin(workspaceId: string): Promise<string | undefined> {
    if (await this.#store.hasAny(workspaceId)) return undefined
    const secret = newAccessKeySecret()
    return (await this.#store.insertPreset(workspaceId, adminKey(secret))) ? secret : undefined
  }

  /** A bound key makes bound keys, and what is no call through the connection is not for it. */
  async #checkBinding(caller: Caller, { connectionId = null, scopes: wanted }: NewAccessKey): Promise<string | null> {
    if (connectionId === null) return caller.connectionId
    const isOwn = caller.connectionId === null || caller.connectionId === connectionId
    if (!isOwn || !(await this.#hasConnection(caller.workspaceId, connectionId))) {
      throw invalidInput('connectionId', 'connectionId names no connection of the workspace.')
    }
    const beside = wanted.filter(scope => !scope.startsWith('passthrough:'))
    if (beside.length === 0) return connectionId
    throw invalidInput(
      'scopes',
      `A key for one connection takes the scopes passthrough:read and passthrough:write; got ${beside.join(', ')}.`,
    )
  }

  #find(secret: string): Promise<AccessKeyRow | undefined> {
    return this.#bySecret.get(secret, () => this.#store.findByHash(hashSecret(secret)))
  }

  #touch(row: AccessKeyRow): void {
    const now = Date.now()
    if (now - (this.#touched.get(row.id) ?? 0) < touchEveryMs) return
    if (this.#touched.size >= 10_000) this.#touched.clear()
    this.#touched.set(row.id, now)
    // A key that could not be marked is marked by its next use; the request itself must not wait for it.
    this.#store.touch(row.workspaceId, row.id, new Date(now)).catch(() => this.#touched.delete(row.id))
  }
}

function isExpired({ expiresAt }: AccessKeyRow): boolean {
  return expiresAt !== null && expiresAt.getTime() <= Date.now()
}

function unknownKey(): GatewayError {
  return new GatewayError('UNAUTHENTICATED', 'The access key is unknown, expired or deleted.')
}

const callers = new WeakMap<AccessKeyRow, Caller>()

/** Made once for as long as the row is remembered. */
function callerFor(row: AccessKeyRow): Caller {
  let caller = callers.get(row)
  if (caller === undefined) {
    caller = toCaller(row)
    callers.set(row, caller)
  }
  return caller
}

function toCaller(row: AccessKeyRow): Caller {
  const { id: keyId, name, workspaceId, expiresAt, connectionId, quota } = row
  const held = scopes.filter(scope => row.scopes.includes(scope))
  return { keyId, name, workspaceId, scopes: held, expiresAt, connectionId, quota }
}

function adminKey(secret: string): PresetKey {
  return { name: 'admin', hash: hashSecret(secret), hint: secretHint(secret), scopes: ['admin'] }
}
