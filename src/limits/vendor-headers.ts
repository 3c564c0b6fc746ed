/** What a vendor's answer says of its limits: how long to wait, and what is left. */
import { plausible, readCount, readMoment, readWait, within } from './header-values.ts'

/** Header names and statuses of one vendor, beside those that everybody uses; names in lower case. */
export interface RateHints {
  /** Says how long to wait: seconds or an HTTP date. */
  readonly after?: string | undefined
  /** Says when to come back: seconds of the epoch or a date. */
  readonly at?: string | undefined
  /** Says how many calls are left. */
  readonly remaining?: string | undefined
  readonly statuses?: readonly number[] | undefined
}

/** A header's value by its name in lower case. */
export type HeaderReader = (name: string) => string | undefined

/** What a vendor has left for one account. */
export interface VendorBudget {
  /** Calls per window; null when the vendor does not say. */
  readonly limit: number | null
  readonly remaining: number
  /** When the window ends; null when the vendor does not say. */
  readonly resetsAt: Date | null
}

/**
 * Milliseconds that the answer asks to wait: `Retry-After` (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3), else the
 * vendor's own headers, else when the budget it names comes back. A time to come back counts only where a limit is
 * spent: vendors name the end of their window on every answer, a 500 too.
 */
export function readRetryAfter(
  status: number,
  header: HeaderReader,
  hints: RateHints | undefined,
  nowMs: number,
): number | undefined {
  for (const name of ['retry-after', hints?.after]) {
    const waitMs = name === undefined ? undefined : readWait(header(name), nowMs)
    if (waitMs !== undefined) return waitMs
  }
  const millis = readCount(header('retry-after-ms'))
  if (millis !== undefined) return within(millis)
  const budget = readBudget(header, hints, nowMs)
  const isSpent = status === 429 || budget?.remaining === 0 || hints?.statuses?.includes(status) === true
  if (!isSpent) return undefined
  const at = hints?.at === undefined ? undefined : readMoment(header(hints.at), nowMs)
  const resetsAtMs = at ?? budget?.resetsAt?.getTime()
  return resetsAtMs === undefined ? undefined : within(Math.max(0, resetsAtMs - nowMs))
}

/**
 * The budget that an answer names: by the vendor's own headers, the `RateLimit` drafts
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/), or the `X-RateLimit-*` custom. Of several
 * the tightest counts; of equals the one that says when it comes back.
 */
export function readBudget(
  header: HeaderReader,
  hints: RateHints | undefined,
  nowMs: number,
): VendorBudget | undefined {
  const budgets = [...readHinted(header, hints, nowMs), ...readStructured(header, nowMs)]
  for (const family of families) budgets.push(...readFamily(header, family, nowMs))
  return budgets.sort(
    (a, b) => a.remaining - b.remaining || Number(a.resetsAt === null) - Number(b.resetsAt === null),
  )[0]
}

/** What header names begin with: `<family>-remaining`, `-limit`, `-reset`. */
const families = ['ratelimit', 'x-ratelimit', 'x-rate-limit'] as const

/** The entry's own headers, with what their family says beside them and of the day. */
function readHinted(header: HeaderReader, hints: RateHints | undefined, nowMs: number): VendorBudget[] {
  if (hints?.remaining === undefined) return []
  const at = hints.at === undefined ? undefined : readMoment(header(hints.at), nowMs)
  const family = /^(.+)-remaining$/.exec(hints.remaining)?.[1]
  if (family !== undefined) {
    return [...readFamily(header, family, nowMs, at), ...readFamily(header, `${family}-daily`, nowMs)]
  }
  const remaining = readCount(header(hints.remaining))
  return remaining === undefined ? [] : [toBudget(undefined, remaining, at)]
}

/** @param at when it comes back, if that is known from elsewhere */
function readFamily(header: HeaderReader, family: string, nowMs: number, at?: number): VendorBudget[] {
  const remaining = readCount(header(`${family}-remaining`))
  if (remaining === undefined) return []
  const limit = readCount(header(`${family}-limit`) ?? header(`${family}-max`) ?? header(family))
  const reset = at ?? readMoment(header(`${family}-reset`), nowMs) ?? readIntervalEnd(header, family, nowMs)
  return [toBudget(limit, remaining, reset)]
}

/** Some vendors say only how long their window is: it ends then at the latest. */
function readIntervalEnd(header: HeaderReader, family: string, nowMs: number): number | undefined {
  const intervalMs = readCount(header(`${family}-interval-milliseconds`) ?? header(`${family}-interval-ms`))
  return intervalMs === undefined ? undefined : plausible(nowMs + intervalMs, nowMs)
}

/** `RateLimit: "default";r=50;t=30` with its policy, or `RateLimit: limit=100, remaining=50, reset=5`. */
function readStructured(header: HeaderReader, nowMs: number): VendorBudget[] {
  const field = header('ratelimit')
  if (field === undefined || field.length > maxFieldLength) return []
  if (/(?:^|[,;\s])remaining=/.test(field)) {
    const remaining = readParameter(field, 'remaining')
    if (remaining === undefined) return []
    return [toBudget(readParameter(field, 'limit'), remaining, secondsFrom(nowMs, readParameter(field, 'reset')))]
  }
  const policies = header('ratelimit-policy') ?? ''
  return field.split(',').flatMap(item => {
    const remaining = readParameter(item, 'r')
    if (remaining === undefined) return []
    const name = item.split(';', 1)[0]?.trim() ?? ''
    const policy =
      policies.length > maxFieldLength ? undefined : policies.split(',').find(text => text.trim().startsWith(name))
    const limit = policy === undefined ? undefined : readParameter(policy, 'q')
    return [toBudget(limit, remaining, secondsFrom(nowMs, readParameter(item, 't')))]
  })
}

const maxFieldLength = 2048

function readParameter(text: string, name: string): number | undefined {
  return readCount(new RegExp(`(?:^|[,;\\s])${name}=(\\d+)(?:$|[,;\\s])`).exec(text)?.[1])
}

function secondsFrom(nowMs: number, seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : plausible(nowMs + seconds * 1000, nowMs)
}

/** A limit of none, or of less than what is left, is no figure to go by. */
function toBudget(limit: number | undefined, remaining: number, resetsAtMs: number | undefined): VendorBudget {
  const isLimit = limit !== undefined && limit >= Math.max(1, remaining)
  return { limit: isLimit ? limit : null, remaining, resetsAt: resetsAtMs === undefined ? null : new Date(resetsAtMs) }
}
