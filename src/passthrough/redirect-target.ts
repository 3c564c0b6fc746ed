/** Where a redirect leads, if it may be followed: the judging half of the redirect interceptor. */
import { GatewayError } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import { refuseDestination } from './egress.ts'
import { maxUrlLength } from './path.ts'
import { parameterNames } from './query.ts'
import type { RequestPlan } from './request.ts'

/** How many are followed; https://fetch.spec.whatwg.org/#http-redirect-fetch allows 20, no API needs as many. */
export const maxRedirects = 5

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

export interface Hop {
  readonly origin: string
  readonly path: string
  readonly method: string
}

/**
 * The next request of a safe call (RFC 9110 §15.4), or undefined when the answer is the caller's to see: no redirect, no
 * usable `Location`, a host outside the pin set or not to be dialled, or a place that sets the credential's own parameters.
 * @throws {GatewayError} POLICY_DENIED for one that a rule denies
 */
export function nextHop(
  from: { readonly origin?: string | URL | undefined; readonly path: string; readonly method: string },
  answer: { readonly status: number; readonly location: string | string[] | undefined },
  plan: RequestPlan,
  allow: HostAllowlist,
): Hop | undefined {
  const { status, location } = answer
  if (!statuses.has(status) || typeof location !== 'string' || location.length > maxUrlLength) return undefined
  const base = `${String(from.origin)}${from.path}`
  if (!URL.canParse(location, base)) return undefined
  const url = new URL(location, base)
  const { hosts, injected } = plan.connection
  if (url.username !== '' || url.password !== '') return undefined
  if (refuseDestination(url, hosts, allow) !== undefined) return undefined
  const names = url.search === '' ? new Set<string>() : parameterNames(url.search.slice(1))
  if (injected.query.some(name => names.has(name.toLowerCase()))) return undefined
  const method = status === 303 && from.method !== 'HEAD' ? 'GET' : from.method
  const hop = { origin: url.origin, path: url.pathname + url.search, method }
  const denial = plan.judgeHop?.(hop)
  if (denial === undefined) return hop
  throw new GatewayError('POLICY_DENIED', `The vendor redirects the call, and is not followed. ${denial.message}`)
}
