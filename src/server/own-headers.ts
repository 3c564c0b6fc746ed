/** The headers that Passgate itself writes on answers of the raw route: a vendor's copies of them would speak in its name. */

export const ownHeaders = {
  requestId: 'x-passgate-request-id',
  /** How many requests were sent for the answer. */
  attempts: 'x-passgate-attempts',
  cache: 'x-passgate-cache',
  /** The code of a refusal. */
  error: 'x-passgate-error',
} as const

const names: ReadonlySet<string> = new Set(Object.values(ownHeaders))

/** @param name in lower case */
export function isOwnHeader(name: string): boolean {
  return names.has(name)
}
