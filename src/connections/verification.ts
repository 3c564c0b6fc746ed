/** What the vendor says of a credential: whether it takes it, and whose account it opens. */
import type { Credential } from '../auth/credential.ts'
import { parseSingularPath, readSingularPath } from '../auth/singular-path.ts'
import type { IntegrationDefinition } from '../catalog/entry.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { StoredAccount } from '../store/tables.ts'
import type { Integration } from './integrations.ts'

export type Account = StoredAccount

export interface Verification {
  /** `UNKNOWN` when the vendor could not be asked, or said neither yes nor no. */
  readonly outcome: 'OK' | 'REFUSED' | 'UNKNOWN'
  /** Of the vendor's answer; null when there was none. */
  readonly status: number | null
  /** One sentence for the workspace. */
  readonly message: string
  /** Null where the integration does not say how to read it. */
  readonly account: Account | null
}

/** Makes the integration's verify request; the row need not be stored yet. Undefined where the integration has none. */
export type Verify = (row: ConnectionRow, integration: Integration) => Promise<Verification | undefined>

const maxLength = 500
const shortestSecret = 6
/** What refuses where the entry does not say. */
const usualRefusals: readonly number[] = [401, 403]

/** What the answer to an entry's verify request means: a status that is neither 2xx nor one that refuses leaves it open. */
export function judgeVerification(definition: IntegrationDefinition, status: number, answer: unknown): Verification {
  const { name, verify } = definition
  const isGood = status >= 200 && status < 300
  const said = verify?.ok === undefined ? isGood : readPath(verify.ok, answer)
  if (isGood && said === true) {
    return { outcome: 'OK', status, message: `${name} takes the credential.`, account: readAccount(definition, answer) }
  }
  const refusals = verify?.refused ?? usualRefusals
  if ((isGood && said === false) || refusals.includes(status)) {
    return { outcome: 'REFUSED', status, message: `${name} refuses the credential (status ${status}).`, account: null }
  }
  const message = `${name} answered ${status}, which says neither yes nor no to the credential.`
  return { outcome: 'UNKNOWN', status, message, account: null }
}

/** The account that an answer tells of, by the paths of the entry's verify request. */
function readAccount(definition: IntegrationDefinition, answer: unknown): Account | null {
  const paths = definition.verify?.account
  if (paths === undefined) return null
  const { id, name, email, url } = paths
  const account = { id: read(id, answer), name: read(name, answer), email: read(email, answer), url: read(url, answer) }
  return Object.values(account).every(value => value === null) ? null : account
}

/** A vendor may repeat what it was sent: what holds a part of the credential is not kept in the clear. */
export function withoutSecrets(account: Account | null, credential: Credential): Account | null {
  if (account === null) return null
  const secrets = textsIn(credential).filter(text => text.length >= shortestSecret)
  const clean = (value: string | null) =>
    value === null || secrets.some(secret => value.includes(secret.slice(0, maxLength))) ? null : value
  const { id, name, email, url } = account
  return { id: clean(id), name: clean(name), email: clean(email), url: clean(url) }
}

/** Of the credential's own fields, the user name is none that has to be hidden. */
function textsIn(value: unknown, name = ''): string[] {
  if (typeof value === 'string') return name === 'scheme' || name === 'username' ? [] : [value]
  if (typeof value !== 'object' || value === null || name === 'scopes') return []
  return Object.entries(value).flatMap(([key, part]) => textsIn(part, key))
}

/** True when both are known and differ. */
export function isOtherAccount(before: Account | null, now: Account | null): boolean {
  const known = before?.id ?? before?.email
  const found = before?.id == null ? now?.email : now?.id
  return known != null && found != null && known !== found
}

function readPath(path: string | undefined, answer: unknown): unknown {
  const parsed = path === undefined ? undefined : parseSingularPath(path)
  return parsed === undefined ? undefined : readSingularPath(parsed, answer)
}

function read(path: string | undefined, answer: unknown): string | null {
  const value = readPath(path, answer)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && value !== ''
    ? value.slice(0, maxLength).toWellFormed().replaceAll('\0', '')
    : null
}
