/** The life of access keys: minted once, kept as a hash, checked on every request. */
import { GatewayError, invalidInput } from '../errors.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import type { AccessKeyRow, AccessKeyStore, PresetKey } from '../store/access-keys.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import { type Caller, hasScope, type Scope, scopes, unknownCaller } from './caller.ts'
import { checkRules, type Rule } from './rules.ts'
import { hashSecret, newAccessKeySecret, secretHint } from './secret.ts'

export type AccessKey = Omit<AccessKeyRow, 'hash' | 'previousHash'>

export interface NewAccessKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt?: Date | null
  /** The only connection it may call through. */
  readonly connectionId?: string | null
  readonly quota?: Quota | null
  readonly rules?: readonly Rule[] | null
  /** Calls under way at once. */
  readonly maxConcurrency?: number | null
  /** True for a partner's key that runs registered operations only. */
  readonly registeredOnly?: boolean | null
}

const touchEveryMs = 60_000
const longestOverlapSeconds = 30 * 86_400

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
    if (caller.ruleSets.length > 0 || caller.registeredOnly || caller.kind === 'SESSION') {
      throw new GatewayError(
        'FORBIDDEN',
        'A key with rules mints no keys: they would be wider than itself. It mints sessions.',
      )
    }
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
      rules: checkRules('rules', input.rules),
      maxConcurrency: checkConcurrency(input.maxConcurrency),
      registeredOnly: input.registeredOnly === true,
    })
    return { accessKey: row, secret }
  }

  /** @throws GatewayError `UNAUTHENTICATED`, with one message for unknown, deleted and expired keys. */
  async authenticate(secret: string): Promise<Caller> {
    const row = this.#bySecret.peek(secret) ?? (await this.#find(secret))
    if (row === undefined || !isGood(row, secret)) throw unknownCaller()
    this.#touch(row)
    return callerFor(row)
  }

  /** The caller that a key of the workspace is. @throws GatewayError `UNAUTHENTICATED` when it is gone */
  async callerOf(workspaceId: string, id: string): Promise<Caller> {
    const row = await this.#store.get(workspaceId, id)
    if (row === undefined || isExpired(row)) throw unknownCaller()
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

  /**
   * A new secret for a key; the one before works for `overlapSeconds` more. The secret is in this answer and nowhere else.
   * @throws GatewayError `INVALID_INPUT` for an unknown key, `FORBIDDEN` for one that is wider than the caller
   */
  async rotate(caller: Caller, id: string, overlapSeconds: number): Promise<{ accessKey: AccessKey; secret: string }> {
    if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > longestOverlapSeconds) {
      const takes = `a whole number from 0 to ${longestOverlapSeconds}`
      throw invalidInput('overlapSeconds', `overlapSeconds takes ${takes}; got ${overlapSeconds}.`)
    }
    const before = await this.#store.get(caller.workspaceId, id)
    if (before === undefined) throw invalidInput('id', 'id names no access key of the workspace.')
    const wider = scopes.filter(scope => before.scopes.includes(scope) && !hasScope(caller, scope))
    if (wider.length > 0)
      throw new GatewayError(
        'FORBIDDEN',
        `A key cannot rotate a wider one: "${caller.name}" lacks ${wider.join(', ')}.`,
      )
    if (before.preset) throw invalidInput('id', 'The preset key is rotated by PASSGATE_ADMIN_KEY.')
    const secret = newAccessKeySecret()
    const previousUntil = new Date(Date.now() + overlapSeconds * 1000)
    const change = { hash: hashSecret(secret), hint: secretHint(secret), previousHash: before.hash, previousUntil }
    const row = await this.#store.replaceSecret(caller.workspaceId, id, change)
    this.#bySecret.clear()
    if (row === undefined) throw invalidInput('id', 'id names no access key of the workspace.')
    return { accessKey: row, secret }
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

  /** Whatever opens nothing costs one hash and one look-up each time: nothing is to be learned from how long it took. */
  #find(secret: string): Promise<AccessKeyRow | undefined> {
    return this.#bySecret.get(secret, async () => {
      const row = await this.#store.findByHash(hashSecret(secret))
      return row !== undefined && isGood(row, secret) ? row : undefined
    })
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

function isGood(row: AccessKeyRow, secret: string): boolean {
  return !isExpired(row) && !isSpent(row, secret)
}

/** A secret that was rotated away opens nothing once its overlap is over. */
function isSpent({ hash, previousUntil }: AccessKeyRow, secret: string): boolean {
  if (previousUntil === null || previousUntil.getTime() > Date.now()) return false
  return !hash.equals(hashSecret(secret))
}

function checkConcurrency(value: number | null | undefined): number | null {
  if (value == null) return null
  if (Number.isInteger(value) && value >= 1 && value <= 10_000) return value
  throw invalidInput('maxConcurrency', `maxConcurrency takes a whole number from 1 to 10000; got ${value}.`)
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
  const { id, name, workspaceId, expiresAt, connectionId, quota, rules, maxConcurrency, registeredOnly } = row
  const held = scopes.filter(scope => row.scopes.includes(scope))
  const ruleSets = rules.length === 0 ? [] : [{ owner: `the access key "${name}"`, rules: rules as readonly Rule[] }]
  const facts = { id, keyId: id, name, workspaceId, scopes: held, expiresAt, connectionId, quota, maxConcurrency }
  const whole = { endUserId: null, integrations: null, connections: null, hasBudget: false }
  return { kind: 'KEY', ...facts, ...whole, ruleSets, registeredOnly }
}

function adminKey(secret: string): PresetKey {
  return { name: 'admin', hash: hashSecret(secret), hint: secretHint(secret), scopes: ['admin'] }
}
