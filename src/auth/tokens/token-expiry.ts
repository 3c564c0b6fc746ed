/** When a token ends, by what the answer says of it in one of the ways that vendors have. */

const longestLifeSeconds = 100 * 365 * 86_400

/**
 * What makes no sense counts as not said: a time that is past, negative, or a hundred years away.
 * @param nowMs milliseconds of the epoch
 */
export function readExpiry(
  said: { readonly expiresIn: unknown; readonly expiresAt: unknown; readonly lifetimeSeconds: number | undefined },
  nowMs: number,
): Date | undefined {
  const { expiresIn, expiresAt, lifetimeSeconds } = said
  // A duration does not depend on whose clock is right.
  const candidates = [secondsToMs(numberOf(expiresIn)), msOfInstant(expiresAt, nowMs), secondsToMs(lifetimeSeconds)]
  const lifetimeMs = candidates.find(ms => ms !== undefined && ms > 0 && ms < longestLifeSeconds * 1000)
  return lifetimeMs === undefined ? undefined : new Date(nowMs + lifetimeMs)
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}

/** RFC 3339, Unix seconds or Unix milliseconds, as the time from now. */
function msOfInstant(value: unknown, nowMs: number): number | undefined {
  const number = numberOf(value)
  if (number !== undefined) return (number < 1e11 ? number * 1000 : number) - nowMs
  const [text, zone] =
    (typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$/i.exec(value)) || []
  if (text === undefined) return undefined
  // Without a zone it is UTC: nothing else would mean the same on every machine.
  const ms = Date.parse(`${text.replace(' ', 'T')}${zone === undefined ? 'Z' : ''}`)
  return Number.isNaN(ms) ? undefined : ms - nowMs
}

/** A number, or its digits as text. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d{1,15}(?:\.\d{1,9})?$/.test(value) ? Number(value) : undefined
}
