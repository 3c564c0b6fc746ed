/** Addresses of integrations that a call would refuse, because plain http goes to listed hosts only: told when they are given. */

import type { IntegrationDefinition } from '../catalog/entry.ts'
import { show } from '../catalog/issues.ts'
import { type ErrorDetail, type GatewayError, invalidFields } from '../errors.ts'

/** What speaks against a request to this URL. */
export type RefuseUrl = (url: URL) => GatewayError | undefined

/**
 * Where a config value decides about the host, the first call tells.
 * @param addresses templates by what callers call them
 * @throws {GatewayError} INVALID_INPUT with one detail per address
 */
export function checkPlainHttp(addresses: readonly (readonly [string, unknown])[], refuse: RefuseUrl): void {
  const details = addresses.flatMap(([field, address]): ErrorDetail[] => {
    const origin = typeof address === 'string' ? /^http:\/\/[^/?#{]+(?=[/?#]|$)/i.exec(address)?.[0] : undefined
    const url = origin === undefined ? null : URL.parse(origin)
    if (url === null || refuse(url) === undefined) return []
    const takes = 'https: plain http goes only to hosts that the operator lists in PASSGATE_EGRESS_ALLOW'
    return [{ field, message: `${field} got ${show(address)}; it takes ${takes}.` }]
  })
  if (details.length > 0) throw invalidFields(details)
}

/** All that a request or an end user's browser is sent to. */
export function addressesOf({ baseUrl, auth }: IntegrationDefinition): [string, unknown][] {
  const ofSchemes = auth.flatMap((entry, at) => {
    const own = Object.entries(entry).filter(([name]) => name.endsWith('Url'))
    const all: [string, unknown][] = 'revoke' in entry ? [...own, ['revoke.url', entry.revoke?.url]] : own
    return all.map(([name, address]): [string, unknown] => [`definition.auth.${at}.${name}`, address])
  })
  return [['definition.baseUrl', baseUrl], ...ofSchemes]
}
